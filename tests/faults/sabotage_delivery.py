"""Planted bugs in claiming, calling and recording."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.relational import finish as finishing
from notefly.adapters.relational.rows import LEASED, Batch
from notefly.adapters.relational.slices import Part, Slicing
from notefly.adapters.relational.transaction import Row
from notefly.adapters.sqlite import transaction as running
from notefly.adapters.sqlite.batches import SqliteBatches
from notefly.adapters.sqlite.transaction import Transaction
from notefly.application.call import Answer, Caller
from notefly.application.deliver import DeliverBatch
from notefly.domain.batch import BatchRef, Claim, Report
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.batch_store import Claims, Finished
from notefly.ports.channel import HandOver
from tests.faults.product import CHANNEL
from tests.faults.steering import (
    LEASE_SECONDS,
    PLANTED,
    Changes,
    die,
    die_around_finish,
    forget_receivers,
    look_often,
    replace,
)

AFTER_SECONDS = 1.5
"""Longer after an unsubscribe than anything may start."""


def early_delivered() -> None:
    """Delivered before the channel answered: it is called once the outcome is recorded."""
    call = Caller._answer
    tasks: set[asyncio.Task[Answer]] = set()
    recorded = asyncio.Event()

    async def call_later(self: Caller, hand_over: HandOver) -> Answer:
        await recorded.wait()
        return await call(self, hand_over)

    async def answer_at_once(self: Caller, hand_over: HandOver) -> Answer:
        tasks.add(asyncio.create_task(call_later(self, hand_over)))
        return Outcomes(Delivered())

    if PLANTED:
        replace(Caller, "_answer", answer_at_once)
        replace(SupervisedChannel, "send_all", None)
    die_around_finish(before=False)


def no_fencing() -> None:
    """The result of an attempt that lost its lease is taken for the one that holds it."""
    held = finishing.held

    def held_by_anybody(transaction: Transaction, key: BatchKey, _number: int) -> Batch | None:
        attempts = transaction.value("SELECT attempts FROM batch WHERE key = ?", (key,))
        return held(transaction, key, attempts)

    if PLANTED:
        replace(finishing, "held", held_by_anybody)
    stalled = stall()
    finish = SqliteBatches.finish

    async def finish_and_die(self: SqliteBatches, reports: Sequence[Report]) -> Finished:
        finished = await finish(self, reports)
        if any(report.claim.batch in stalled for report in reports):
            die()
        return finished

    replace(SqliteBatches, "finish", finish_and_die)


def stall() -> list[BatchKey]:
    """The first attempt reports when the second has begun, which never comes to its call."""
    deliver, take_over = DeliverBatch.__call__, SqliteBatches.take_over
    called, taken_over = asyncio.Event(), asyncio.Event()
    stalled: list[BatchKey] = []

    async def take_over_once_called(self: SqliteBatches, at: datetime) -> Sequence[BatchRef]:
        # Earlier, on a slow machine, the first attempt would call nobody.
        return await take_over(self, at) if called.is_set() else []

    async def deliver_late(self: DeliverBatch, claim: Claim) -> Report:
        if claim.batch in stalled:
            taken_over.set()
            await asyncio.Event().wait()
        if stalled or claim.channel != CHANNEL:
            return await deliver(self, claim)
        stalled.append(claim.batch)
        report = await deliver(self, claim)
        called.set()
        await taken_over.wait()
        return report

    replace(DeliverBatch, "__call__", deliver_late)
    replace(SqliteBatches, "take_over", take_over_once_called)
    shorten_first_lease()
    forget_receivers()
    look_often()
    return stalled


def shorten_first_lease() -> None:
    """Only where something is to happen: a slow machine must not lose others."""
    claim = SqliteBatches.claim
    shortened = False

    async def claim_for_short(
        self: SqliteBatches, refs: Sequence[BatchRef], worker: str, lease: float, at: datetime
    ) -> Claims:
        nonlocal shortened
        if not shortened and any(ref.channel == CHANNEL for ref in refs):
            shortened = True
            lease = LEASE_SECONDS
        return await claim(self, refs, worker, lease, at)

    replace(SqliteBatches, "claim", claim_for_short)


def no_takeover() -> None:
    """An expired lease is never taken over; the first worker of the channel never comes back."""
    deliver = DeliverBatch.__call__
    stuck: list[BatchKey] = []

    async def deliver_never(self: DeliverBatch, claim: Claim) -> Report:
        if not stuck and claim.channel == CHANNEL:
            stuck.append(claim.batch)
            await asyncio.Event().wait()
        return await deliver(self, claim)

    async def take_over_nothing(_self: SqliteBatches, _at: datetime) -> Sequence[BatchRef]:
        return []

    replace(DeliverBatch, "__call__", deliver_never)
    if PLANTED:
        replace(SqliteBatches, "take_over", take_over_nothing)
    shorten_first_lease()
    forget_receivers()
    look_often()


ATTEMPTS, NOW = 10, -1
"""Columns of `batches.read`: the newest attempt's number, and the epoch of this moment."""


def told(column: int, value: Callable[[Claim], int]) -> None:
    """What a hand-over reads of its batch, but for one column."""
    part = Slicing._part

    def part_as_told(self: Slicing, claim: Claim, row: Row) -> Part:
        columns = list(row)
        columns[column] = value(claim)
        return part(self, claim, tuple(columns))

    replace(Slicing, "_part", part_as_told)


def late_attempts() -> None:
    """An attempt is numbered when it ends, so one that is cut off leaves no trace."""
    held = finishing.held

    def numbered_and_held(transaction: Transaction, key: BatchKey, number: int) -> Batch | None:
        leased = (
            "UPDATE batch SET attempts = ?2 WHERE key = ?1 AND state = ?3 AND attempts = ?2 - 1"
        )
        if transaction.run(leased, (key, number, LEASED)):
            begun = "INSERT INTO attempt (batch, number, worker, claimed_at) VALUES (?, ?, '', 0)"
            transaction.run(begun, (key, number))
        return held(transaction, key, number)

    if PLANTED:
        numbering = "attempts = attempts + 1, "
        lease = running.STATEMENTS["batches.lease"]
        assert numbering in lease
        planted = {
            "batches.lease": lease.replace(numbering, ""),
            "batches.begin_attempts": "SELECT ?, ?, ? IS NULL",
        }
        replace(running, "STATEMENTS", {**running.STATEMENTS, **planted})
        replace(finishing, "held", numbered_and_held)
        told(ATTEMPTS, lambda claim: claim.token)
    die_around_finish(before=True)


def lost_nack() -> None:
    """What is given back to the queue is never handed out again."""
    claim = SqliteBatches.claim
    refused = False

    async def refuse_once(
        self: SqliteBatches, refs: Sequence[BatchRef], worker: str, lease: float, at: datetime
    ) -> Claims:
        nonlocal refused
        if not refused and any(ref.channel == CHANNEL for ref in refs):
            refused = True
            raise Unavailable("there is no room for a moment")
        return await claim(self, refs, worker, lease, at)

    async def lose(self: InProcessQueue, batches: Sequence[BatchKey], _delay: float) -> None:
        self._out.difference_update(batches)

    replace(SqliteBatches, "claim", refuse_once)
    if PLANTED:
        replace(InProcessQueue, "nack", lose)
    look_often()


def stale_consent() -> None:
    """What is planned is handed over as it was planned, whoever unsubscribed meanwhile."""
    deliver = DeliverBatch.__call__
    changes = Changes()
    changes.watch()
    late = asyncio.Event()

    async def deliver_late(self: DeliverBatch, claim: Claim) -> Report:
        if claim.channel == CHANNEL:
            await changes.done.wait()
            asyncio.get_running_loop().call_later(AFTER_SECONDS, late.set)
            await late.wait()
        return await deliver(self, claim)

    replace(DeliverBatch, "__call__", deliver_late)
    if PLANTED:
        told(NOW, lambda claim: claim.message.epoch)
