"""Recording: what becomes of a batch's members, and what is left of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from notefly.adapters.relational.rows import (
    CODES,
    RETRY,
    WAITING,
    Batch,
    StoreBrokenError,
    reason_code,
)
from notefly.adapters.relational.times import maybe_micros, micros
from notefly.adapters.relational.transaction import Fact, Row, Transaction
from notefly.domain.batch import EVERYBODY, NOBODY, Ending, Handed, Report
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, Epoch, SubscriberKey
from notefly.domain.outcome import Verdict

Judged = tuple[SubscriberKey, Verdict]
Endings = dict[tuple[State, Reason | None], dict[SubscriberKey, str | None]]
"""The details of those who end alike."""
DELIVERED = (State.DELIVERED, None)
UNSUBSCRIBED = Verdict(State.CANCELLED, Reason.UNSUBSCRIBED)


def is_alike(report: Report) -> bool:
    """Whether one hand-over ended everybody in the batch in the same way."""
    if report.ending is not Ending.FINISHED or len(report.handed) != 1:
        return False
    handed = report.handed[0]
    return not handed.named and handed.default.state.terminal


def members(
    transaction: Transaction, batch: Batch, after: int = 0, through: int = EVERYBODY
) -> list[Row]:
    """(subscriber, to_epoch) of everybody left in the range."""
    statement = "members.waiting" if batch.by_rows else "members.planned"
    return transaction.rows(statement, batch.scope(after, through, 0) | {"limit": EVERYBODY})


def record(
    transaction: Transaction, batch: Batch, handed: Handed, *, going_on: bool = False
) -> None:
    """Write the outcome of a hand-over; a default of `retrying` leaves its members in the batch.

    Not so in one that is `going_on` at once: there they are set aside, to wait for their time.
    """
    default = handed.default
    if batch.untouched and not handed.named and default.state.terminal:
        _record_alike(transaction, batch, handed)
    else:
        _record_each(transaction, batch, handed, going_on=going_on)
    if default.due_at is not None and not going_on:
        batch.due = max(default.due_at, batch.due or default.due_at)


def _record_alike(transaction: Transaction, batch: Batch, handed: Handed) -> None:
    scope = batch.scope(handed.after, handed.through, handed.epoch) | {
        "state": CODES[handed.default.state],
        "reason": reason_code(handed.default.reason),
        "unsubscribed": reason_code(Reason.UNSUBSCRIBED),
        "attempt": batch.attempts,
    }
    written = transaction.run("members.record_alike", scope)
    # Nobody can have left since the message was accepted if no choice changed since.
    closed = (
        transaction.value("members.closed_in_range", scope) if handed.epoch > batch.epoch else 0
    )
    alone = SubscriberKey(batch.last) if batch.size == 1 else None
    batch.count(State.CANCELLED, closed, alone)
    batch.count(handed.default.state, written - closed, alone)


def _record_each(transaction: Transaction, batch: Batch, handed: Handed, *, going_on: bool) -> None:
    """Look at every member: a closed choice is cancelled, an exception has its own verdict."""
    everybody_named = handed.named == handed.size and handed.epoch == batch.epoch
    if everybody_named and not batch.by_rows:
        verdicts = sorted(handed.exceptions.items())
        ended = together(one for one in verdicts if one[1].due_at is None)
        ended.setdefault(DELIVERED, {}).update(handed.delivered)
    else:
        verdicts = list(_looked_at(transaction, batch, handed))
        ended = together(one for one in verdicts if one[1].due_at is None)
    write(transaction, batch, ended, batch.key)
    for (state, _), details in ended.items():
        batch.count(state, len(details), next(reversed(details), None))
    waiting = [one for one in verdicts if one[1].due_at is not None]
    apart = waiting if going_on else [one for one in waiting if one[0] in handed.exceptions]
    if apart:
        _set_aside(transaction, batch, apart)


def _looked_at(transaction: Transaction, batch: Batch, handed: Handed) -> Iterator[Judged]:
    for subscriber, to_epoch in members(transaction, batch, handed.after, handed.through):
        if to_epoch <= handed.epoch:
            yield subscriber, UNSUBSCRIBED
        elif subscriber in handed.delivered:
            yield subscriber, Verdict(*DELIVERED, handed.delivered[subscriber])
        else:
            yield subscriber, handed.exceptions.get(subscriber, handed.default)


def _set_aside(transaction: Transaction, batch: Batch, retried: list[Judged]) -> None:
    """Members that try again apart from the others get rows, and a batch for each due time."""
    by_due: dict[datetime, list[Judged]] = {}
    for subscriber, verdict in retried:
        if verdict.due_at is not None:
            by_due.setdefault(verdict.due_at, []).append((subscriber, verdict))
    for due, group in sorted(by_due.items()):
        keys = [subscriber for subscriber, _ in group]
        child = add_child(
            transaction, batch, RETRY, keys, state=WAITING, spent=batch.spent + 1, due=due
        )
        write(transaction, batch, together(group), child)
        batch.children.append(child)
        batch.moved += len(group)
        batch.ended[State.RETRYING] += len(group)
        batch.alone = keys[-1]


def together(verdicts: Iterable[Judged]) -> Endings:
    """Those who end alike."""
    found: Endings = {}
    for subscriber, (state, reason, detail, _) in verdicts:
        found.setdefault((state, reason), {})[subscriber] = detail
    return found


def write(transaction: Transaction, batch: Batch, endings: Endings, owner: BatchKey) -> None:
    """A row for each, new or in place of the one that waited; one statement for those alike."""
    put = transaction.record_waiting if batch.by_rows else transaction.record_new
    scope = batch.scope(NOBODY, NOBODY, 0) | {"batch": owner, "attempt": batch.attempts}
    for (state, reason), details in endings.items():
        alike = scope | {"state": CODES[state], "reason": reason_code(reason)}
        if details and put(alike, details) != len(details):
            raise StoreBrokenError(f"batch {batch.key} recorded not {len(details)}, as it should")


def add_child(  # noqa: PLR0913 - a row has that many columns
    transaction: Transaction,
    parent: Batch,
    kind: int,
    keys: list[SubscriberKey],
    *,
    state: int,
    spent: int,
    due: datetime | None,
    deaths: int = 0,
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
        deaths,
        maybe_micros(due),
        parent.expires_at,
    )
    return BatchKey(transaction.insert("batches.add_child", values))


def announce(transaction: Transaction, batch: Batch, at: datetime) -> None:
    """Events and tallies of what was recorded, in its commit."""
    only = len(batch.ended) == 1
    transaction.tell(
        Fact(
            micros(at),
            batch.message,
            batch.channel,
            CODES[state],
            n,
            batch.alone if only and n == 1 else None,
            state.terminal,
        )
        for state, n in batch.ended.items()
    )


def everybody(batch: Batch, epoch: int, verdict: Verdict, at: datetime) -> Handed:
    """A hand-over of all that are left."""
    return Handed(NOBODY, EVERYBODY, Epoch(epoch), at, verdict, batch.left)
