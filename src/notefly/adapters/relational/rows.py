"""Rows and their codes: how batches, states and reasons stand in the store."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notefly.domain.delivery import Reason, State, StateCode
from notefly.domain.ids import BatchKey, SubscriberKey

READY, LEASED, WAITING, FINISHED = range(4)
PLANNED, HALF, RETRY, REPLAY, WAITING_HALF = range(5)
REASONS = list(Reason)
CODES = {State[code.name]: code.value for code in StateCode}


class StoreBrokenError(AssertionError):
    """The record does not add up: a bug, never an answer to a caller."""


def reason_code(reason: Reason | None) -> int | None:
    """How a reason stands in a row: its place in the enumeration, which only ever grows."""
    return None if reason is None else REASONS.index(reason)


def reason_of(code: int | None) -> Reason | None:
    return None if code is None else REASONS[code]


@dataclass(slots=True)
class Batch:
    """A batch while it is being recorded; the columns of `held`: its own, and its audience's."""

    key: BatchKey
    message: int
    channel: int
    kind: int
    first: int
    last: int
    size: int
    round: int
    state: int
    base: int
    attempts: int
    spent: int
    deaths: int
    due_at: int | None
    expires_at: int | None
    delivered: int
    dead: int
    cancelled: int
    moved: int
    category: int
    epoch: int
    due: datetime | None = None
    ended: Counter[State] = field(default_factory=Counter)
    alone: SubscriberKey | None = None
    children: list[BatchKey] = field(default_factory=list)
    untouched: bool = field(init=False)
    """Whether nothing of it was recorded before this attempt."""

    def __post_init__(self) -> None:
        # A half spans people whom the batch it comes from has recorded.
        self.untouched = self.left == self.size and self.kind == PLANNED

    @property
    def left(self) -> int:
        """Members without an end."""
        return self.size - self.delivered - self.dead - self.cancelled - self.moved

    @property
    def by_rows(self) -> bool:
        """Whether its members are rows that wait, not the audience without rows."""
        return self.kind in (RETRY, REPLAY, WAITING_HALF)

    def scope(self, after: int, through: int, now: int) -> dict[str, Any]:
        """The parameters that every statement of `members.sql` takes."""
        return {
            "category": self.category,
            "channel": self.channel,
            "message": self.message,
            "epoch": self.epoch,
            "batch": self.key,
            "after": max(after, self.first - 1),
            "through": min(through, self.last),
            "now": now,
        }

    def count(self, state: State, n: int, subscriber: SubscriberKey | None = None) -> None:
        """Add up what was recorded."""
        if n:
            self.ended[state] += n
            self.alone = subscriber
        if state is State.DELIVERED:
            self.delivered += n
        elif state is State.DEAD:
            self.dead += n
        elif state is State.CANCELLED:
            self.cancelled += n
