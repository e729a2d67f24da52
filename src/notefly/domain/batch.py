"""The unit of lease and record: a key range of a message's audience on one channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import repeat
from typing import Any, NamedTuple

from notefly.domain.delivery import State
from notefly.domain.ids import BatchKey, Epoch, MessageKey, SubscriberKey
from notefly.domain.message import Message
from notefly.domain.outcome import Verdict

BATCH_LIMIT = 1_000
"""Subscribers; a channel may ask for fewer."""
NOBODY = SubscriberKey(0)
"""Before every subscriber."""
EVERYBODY = SubscriberKey(2**62)
"""Behind every subscriber."""


@dataclass(frozen=True, slots=True)
class BatchRef:
    """A hint that a batch may be worked on: what travels through the queue."""

    batch: BatchKey
    message: MessageKey
    channel: str
    size: int
    due_at: datetime | None = None
    """Not before; None is at once."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on a batch: attempt `number` is durable, and `token` fences off everyone before."""

    batch: BatchKey
    message: Message
    channel: str
    size: int
    """Deliveries that this attempt may still end."""
    number: int
    spent: int
    """Tries that count against the budget, this one included."""
    token: int
    epoch: Epoch
    claimed_at: datetime
    deaths: int = 0
    """Times that the channel died on this batch: whoever it was must be found."""


class Recipient(NamedTuple):
    """One member of a hand-over, as the channel needs them; nothing here is of the message."""

    subscriber: SubscriberKey
    subscriber_id: str
    name: str
    address: str

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[Any]]) -> list["Recipient"]:
        """Of rows with just these columns, which nothing checks: there are very many."""
        return list(map(tuple.__new__, repeat(cls), rows))


@dataclass(frozen=True, slots=True)
class Handed:
    """A hand-over that was answered: who was in it is settled by range and `epoch` alone.

    In it were the members of the batch with `after < subscriber <= through` whose subscription
    was still open at `epoch`; the closed ones become `cancelled`. `exceptions` and `delivered` hold
    none but them, and nobody twice.
    """

    after: SubscriberKey
    through: SubscriberKey
    epoch: Epoch
    started_at: datetime
    default: Verdict
    size: int
    """How many were given to the channel."""
    exceptions: Mapping[SubscriberKey, Verdict] = field(default_factory=dict)
    delivered: Mapping[SubscriberKey, str | None] = field(default_factory=dict)
    """Who was delivered, with a detail of their own: as an exception, without an object for each,
    because mostly it is everybody."""

    @property
    def named(self) -> int:
        """How many have an outcome of their own."""
        return len(self.exceptions) + len(self.delivered)

    def joined(self, following: "Handed", within: timedelta) -> "Handed | None":
        """Both as one, if that says the same: everybody named, ended, of one epoch, at one time."""
        both = {**self.exceptions, **following.exceptions}
        delivered = {**self.delivered, **following.delivered}
        size = self.size + following.size
        if (
            self.epoch != following.epoch
            or not timedelta(0) <= following.started_at - self.started_at < within
            or len(both) + len(delivered) != size
            or any(verdict.due_at is not None for verdict in both.values())
        ):
            return None
        default = self.default if self.default == following.default else Verdict(State.DELIVERED)
        return replace(
            self,
            through=following.through,
            default=default,
            size=size,
            exceptions=both,
            delivered=delivered,
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A hand-over that was not answered: it began, and that is all that is known of it."""

    after: SubscriberKey
    through: SubscriberKey
    epoch: Epoch
    started_at: datetime


class Ending(StrEnum):
    """How an attempt ended; what was not handed over by then goes on in the batch."""

    FINISHED = "finished"
    RELEASED = "released"
    """Given back on shutdown: nothing is held against it."""
    INTERRUPTED = "interrupted"
    """The broker went away; numbered, but does not spend the retry budget."""
    DIED = "died"
    """The channel's own process died or hung on it: twice is poison."""


@dataclass(frozen=True, slots=True)
class Report:
    """The end of an attempt: everything that becomes of it is recorded in one commit."""

    claim: Claim
    ending: Ending
    ended_at: datetime
    handed: Sequence[Handed] = ()
    detail: str | None = None
    begun: Begun | None = None
    """The hand-over in which the channel died."""
