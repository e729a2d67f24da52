"""Recording: what becomes of a batch's members, and what is left of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notefly.adapters.sqlite.queries import load
from notefly.adapters.sqlite.transaction import Row, Transaction, maybe_micros, micros
from notefly.domain.batch import EVERYBODY, NOBODY, Handed
from notefly.domain.delivery import Reason, State, StateCode
from notefly.domain.ids import BatchKey, Epoch, SubscriberKey
from notefly.domain.outcome import Verdict

SQL = load("batches")
MEMBERS = load("members")
READY, LEASED, WAITING, FINISHED = range(4)
PLANNED, HALF, RETRY, REPLAY, WAITING_HALF = range(5)
REASONS = list(Reason)
CODES = {State[code.name]: code.value for code in StateCode}


class StoreBrokenError(AssertionError):
    """The record does not add up: a bug, never an answer to a caller."""


UNSUBSCRIBED = Verdict(State.CANCELLED, Reason.UNSUBSCRIBED)


def reason_code(reason: Reason | None) -> int | None:
    """How a reason stands in a row: its place in the enumeration, which only ever grows."""
    return None if reason is None else REASONS.index(reason)


def reason_of(code: int | None) -> Reason | None:
    return None if code is None else REASONS[code]


@dataclass(slots=True)
class Batch:
    """A batch while it is being recorded; the columns of `read`, and its message's scope."""

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
    category: int = 0
    epoch: int = 0
    due: datetime | None = None
    ended: Counter[State] = field(default_factory=Counter)
    alone: SubscriberKey | None = None
    children: list[BatchKey] = field(default_factory=list)
    untouched: bool = field(init=False)
    """Whether nothing of it was recorded before this attempt."""

    def __post_init__(self) -> None:
        self.untouched = self.left == self.size and not self.by_rows

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


def members(
    transaction: Transaction, batch: Batch, after: int = 0, through: int = EVERYBODY
) -> list[Row]:
    """(subscriber, to_epoch) of everybody left in the range."""
    statement = MEMBERS["waiting" if batch.by_rows else "planned"]
    return transaction.rows(statement, batch.scope(after, through, 0) | {"limit": -1})


def record(transaction: Transaction, batch: Batch, handed: Handed) -> None:
    """Write the outcome of a hand-over; a default of `retrying` leaves its members in the batch."""
    default = handed.default
    if batch.untouched and not handed.exceptions and default.state.terminal:
        _record_alike(transaction, batch, handed)
    else:
        _record_each(transaction, batch, handed)
    if default.due_at is not None:
        batch.due = max(default.due_at, batch.due or default.due_at)


def _record_alike(transaction: Transaction, batch: Batch, handed: Handed) -> None:
    scope = batch.scope(handed.after, handed.through, handed.epoch) | {
        "state": CODES[handed.default.state],
        "reason": reason_code(handed.default.reason),
        "unsubscribed": reason_code(Reason.UNSUBSCRIBED),
        "attempt": batch.attempts,
    }
    written = transaction.run(MEMBERS["record_alike"], scope)
    # Nobody can have left since the message was accepted if no choice changed since.
    closed = (
        transaction.value(MEMBERS["closed_in_range"], scope) if handed.epoch > batch.epoch else 0
    )
    alone = SubscriberKey(batch.last) if batch.size == 1 else None
    batch.count(State.CANCELLED, closed, alone)
    batch.count(handed.default.state, written - closed, alone)


def _record_each(transaction: Transaction, batch: Batch, handed: Handed) -> None:
    """Look at every member: a closed choice is cancelled, an exception has its own verdict."""
    verdicts: list[tuple[SubscriberKey, Verdict]] = []
    everybody_named = len(handed.exceptions) == handed.size and handed.epoch == batch.epoch
    if everybody_named and not batch.by_rows:
        verdicts = sorted(handed.exceptions.items())
    else:
        for subscriber, to_epoch in members(transaction, batch, handed.after, handed.through):
            verdict = handed.exceptions.get(subscriber, handed.default)
            verdicts.append((subscriber, verdict if to_epoch > handed.epoch else UNSUBSCRIBED))
    ended = [(s, v) for s, v in verdicts if v.state.terminal]
    write(transaction, batch, ended, batch.key)
    for subscriber, verdict in ended:
        batch.count(verdict.state, 1, subscriber)
    _set_aside(
        transaction, batch, [(s, v) for s, v in verdicts if s in handed.exceptions and v.due_at]
    )


def _set_aside(
    transaction: Transaction, batch: Batch, retried: list[tuple[SubscriberKey, Verdict]]
) -> None:
    """Members that try again apart from the others get rows, and a batch for each due time."""
    by_due: dict[datetime, list[tuple[SubscriberKey, Verdict]]] = {}
    for subscriber, verdict in retried:
        if verdict.due_at is not None:
            by_due.setdefault(verdict.due_at, []).append((subscriber, verdict))
    for due, group in sorted(by_due.items()):
        keys = [subscriber for subscriber, _ in group]
        child = add_child(
            transaction, batch, RETRY, keys, state=WAITING, spent=batch.spent + 1, due=due
        )
        write(transaction, batch, group, child)
        batch.children.append(child)
        batch.moved += len(group)
        batch.ended[State.RETRYING] += len(group)
        batch.alone = keys[-1]


def write(
    transaction: Transaction,
    batch: Batch,
    verdicts: Iterable[tuple[SubscriberKey, Verdict]],
    owner: BatchKey,
) -> None:
    """A row for each, new or in place of the one that waited."""
    statement = MEMBERS["record_waiting" if batch.by_rows else "record_new"]
    transaction.many(
        statement,
        [
            (
                batch.message,
                batch.channel,
                subscriber,
                CODES[verdict.state],
                reason_code(verdict.reason),
                owner,
                batch.attempts,
                verdict.detail,
            )
            for subscriber, verdict in verdicts
        ],
    )


def add_child(  # noqa: PLR0913 - a row has that many columns
    transaction: Transaction,
    parent: Batch,
    kind: int,
    keys: list[SubscriberKey],
    *,
    state: int,
    spent: int,
    due: datetime | None,
) -> BatchKey:
    """A batch that goes on where its parent's attempts ended."""
    values = (
        parent.message,
        parent.channel,
        kind,
        keys[0],
        keys[-1],
        len(keys),
        parent.key,
        parent.round,
        state,
        parent.attempts,
        parent.attempts,
        spent,
        maybe_micros(due),
        parent.expires_at,
    )
    return BatchKey(transaction.insert(SQL["add_child"], values))


def announce(transaction: Transaction, batch: Batch, at: datetime) -> None:
    """Events and tallies of what was recorded, in its commit."""
    for state, n in batch.ended.items():
        alone = batch.alone if n == 1 and sum(batch.ended.values()) == 1 else None
        values = (micros(at), batch.message, batch.channel, CODES[state], n, alone)
        transaction.run(SQL["add_event"], values)
        if state.terminal:
            transaction.run(SQL["add_tally"], (batch.channel, CODES[state], n))


def everybody(batch: Batch, epoch: int, verdict: Verdict, at: datetime) -> Handed:
    """A hand-over of all that are left."""
    return Handed(NOBODY, EVERYBODY, Epoch(epoch), at, verdict, batch.left)
