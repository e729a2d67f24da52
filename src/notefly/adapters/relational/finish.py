"""The end of an attempt: outcomes, batch and attempt in one commit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notefly.adapters.relational.names import Names
from notefly.adapters.relational.record import (
    add_child,
    announce,
    members,
    record,
    together,
    write,
)
from notefly.adapters.relational.rows import (
    FINISHED,
    HALF,
    LEASED,
    READY,
    WAITING,
    WAITING_HALF,
    Batch,
    StoreBrokenError,
)
from notefly.adapters.relational.times import maybe_micros, maybe_moment, micros
from notefly.adapters.relational.transaction import Transaction
from notefly.domain.batch import EVERYBODY, BatchRef, Begun, Ending, Handed, Report
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, MessageKey, SubscriberKey
from notefly.domain.outcome import Verdict
from notefly.ports.batch_store import Finished

POISON_DEATHS = 2
"""Times a worker may die on a batch before it is split, and on a batch of one before it is dead."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is known of an attempt that nobody reports: that it is over."""

    ending: Ending
    ended_at: datetime
    detail: str | None = None
    handed: Sequence[Handed] = ()
    begun: Begun | None = None


RecordAlike = Callable[[Any, Sequence[Report]], set[BatchKey]]
"""Records what it can of many reports at once, and says which; how, is the engine's own."""


def finish(
    transaction: Transaction,
    channels: Names,
    record_alike: RecordAlike,
    reports: Sequence[Report],
) -> Finished:
    """Record every report whose token still holds."""
    started = time.perf_counter()
    refs: list[BatchRef] = []
    stale: list[BatchKey] = []
    recorded = record_alike(transaction, reports)
    for report in reports:
        if report.claim.batch in recorded:
            continue
        batch = held(transaction, report.claim.batch, report.claim.token)
        if batch is None:
            stale.append(report.claim.batch)
        else:
            refs += end(transaction, channels, batch, report)
    return Finished(refs, stale, time.perf_counter() - started)


def held(transaction: Transaction, key: BatchKey, number: int) -> Batch | None:
    """The batch, if this attempt still holds its lease (I6)."""
    row = transaction.row("batches.held", (key,))
    if row is None or row[8] != LEASED or row[10] != number:
        return None
    return Batch(*row)


def end(
    transaction: Transaction, channels: Names, batch: Batch, report: "Report | Lost"
) -> list[BatchRef]:
    """End the attempt; the batches that may be worked on because of it."""
    epoch_known = _record_attempt(transaction, batch, report)
    for handed in report.handed:
        record(transaction, batch, handed, going_on=report.ending is not Ending.FINISHED)
        if not epoch_known:
            _record_handover(transaction, batch, handed, handed.default.detail)
    if report.begun is not None:
        _record_handover(transaction, batch, report.begun, report.detail)
    children = [BatchKey(key) for key in batch.children]
    if report.ending is Ending.DIED:
        batch.deaths += 1
        children += _poisoned(transaction, batch, report.begun, report.ended_at)
    state = _settled(transaction, batch, report.ending)
    store_batch(transaction, batch, state, report.ended_at)
    announce(transaction, batch, report.ended_at)
    if state != FINISHED:
        children.append(batch.key)
    return [ref_of(transaction, channels, child) for child in children]


def store_batch(transaction: Transaction, batch: Batch, state: int, at: datetime) -> None:
    """Write back the counters and where the batch stands."""
    values = (
        state,
        batch.spent,
        batch.deaths,
        maybe_micros(batch.due) if state == WAITING else None,
        micros(at) if state == FINISHED else None,
        batch.delivered,
        batch.dead,
        batch.cancelled,
        batch.moved,
        batch.key,
    )
    transaction.run("batches.settle", values)


def _settled(transaction: Transaction, batch: Batch, ending: Ending) -> int:
    """Where the batch stands now: every member ended, moved, or goes on in it."""
    if batch.left == 0:
        return FINISHED
    if ending is not Ending.FINISHED:
        return READY
    if batch.left < 0 or batch.due is None:
        # A member without an outcome, or with two: recording it would be a lie.
        raise StoreBrokenError(
            f"batch {batch.key} does not add up: {batch.left} left of {batch.size}"
        )
    batch.spent += 1
    if batch.left == 1 and not batch.ended:
        [(batch.alone, _)] = members(transaction, batch)
    batch.ended[State.RETRYING] += batch.left
    return WAITING


def _record_attempt(transaction: Transaction, batch: Batch, report: "Report | Lost") -> bool:
    """True when one hand-over covered the batch, so that the attempt can stand for it."""
    whole = len(report.handed) == 1 and report.ending is Ending.FINISHED
    first: Handed | None = report.handed[0] if whole else None
    detail = first.default.detail if first else report.detail
    values = (
        micros(report.ended_at),
        report.ending.value,
        micros(first.started_at) if first else None,
        first.epoch if first else None,
        detail,
        batch.key,
        batch.attempts,
    )
    transaction.run("batches.end_attempt", values)
    return whole


def _record_handover(
    transaction: Transaction, batch: Batch, handed: Handed | Begun, detail: str | None
) -> None:
    values = (
        batch.key,
        batch.attempts,
        handed.after + 1,
        handed.through,
        micros(handed.started_at),
        handed.epoch,
        detail,
    )
    transaction.run("batches.add_handover", values)


def _poisoned(
    transaction: Transaction, batch: Batch, begun: Begun | None, at: datetime
) -> list[BatchKey]:
    """Whoever was alone in the hand-over that killed its worker stands alone from now on.

    Where that is not known, a batch that did it twice is halved, until the one stands alone.
    """
    if batch.left > 1 and begun is not None:
        suspects = members(transaction, batch, begun.after, begun.through)
        if len(suspects) == 1:
            # The others go on one by one: there may be another one among them.
            batch.deaths = 1
            return [_apart(transaction, batch, SubscriberKey(suspects[0][0]))]
    if batch.deaths < POISON_DEATHS or batch.left == 0:
        return []
    if batch.left == 1:
        _bury(transaction, batch, at)
        return []
    keys = [SubscriberKey(row[0]) for row in members(transaction, batch)]
    middle = len(keys) // 2
    halves = [_half(transaction, batch, part) for part in (keys[:middle], keys[middle:])]
    batch.moved += len(keys)
    return halves


def _bury(transaction: Transaction, batch: Batch, at: datetime) -> None:
    """The one that does it: a dead letter, with its reason."""
    detail = f"the channel's process, or the worker, died on it {batch.deaths} times, alone"
    verdict = Verdict(State.DEAD, Reason.POISON, detail)
    [(subscriber, _)] = members(transaction, batch)
    write(transaction, batch, together([(subscriber, verdict)]), batch.key)
    batch.count(State.DEAD, 1, subscriber)


def _apart(transaction: Transaction, batch: Batch, subscriber: SubscriberKey) -> BatchKey:
    """It needs a row that names its batch: the other one still spans it."""
    child = add_child(
        transaction,
        batch,
        WAITING_HALF,
        [subscriber],
        state=READY,
        spent=batch.spent,
        due=None,
        deaths=1,
    )
    write(transaction, batch, together([(subscriber, Verdict(State.PENDING))]), child)
    batch.moved += 1
    return child


def _half(transaction: Transaction, batch: Batch, keys: list[SubscriberKey]) -> BatchKey:
    kind = WAITING_HALF if batch.by_rows else HALF
    child = add_child(transaction, batch, kind, keys, state=READY, spent=batch.spent, due=None)
    if batch.by_rows:
        scope = batch.scope(0, EVERYBODY, 0) | {"child": child, "first": keys[0], "last": keys[-1]}
        transaction.run("members.repoint", scope)
    return child


def ref_of(transaction: Transaction, channels: Names, key: BatchKey) -> BatchRef:
    """What the queue is told of a batch."""
    message, channel, left, due_at = transaction.row("batches.ref", (key,)) or (0, 0, 0, None)
    name = channels.name(transaction, channel)
    return BatchRef(key, MessageKey(message), name, left, maybe_moment(due_at))
