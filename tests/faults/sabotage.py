"""The product with a planted bug: `python -m tests.faults.sabotage BUG broker`.

Each bug is a small change of one function, made from outside when the process starts, and comes
with a steering: the process kills its own group where the bug does its harm, so that the checker
has one chance and no luck. With PLANTED=0 the steering is the same and the bug is not there.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from notefly import bootstrap
from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.sqlite import finish as finishing
from notefly.adapters.sqlite.batches import SqliteBatches
from notefly.adapters.sqlite.messages import SqliteMessages
from notefly.adapters.sqlite.record import record
from notefly.adapters.sqlite.rows import Batch
from notefly.adapters.sqlite.transaction import Transaction
from notefly.application import engine
from notefly.application.deliver import DeliverBatch
from notefly.application.lane import Lane, Terms
from notefly.domain.batch import BatchRef, Claim, Report
from notefly.domain.ids import BatchKey
from notefly.ports.batch_store import Finished
from notefly.ports.message_store import Publication, Receipt
from tests.faults.product import CHANNEL

PLANTED = os.environ.get("PLANTED", "1") == "1"
FATAL_PUBLISH = 20
FATAL_RECORD = 5
LEASE_SECONDS = 0.5
RECONCILE_SECONDS = 0.1
WRITE_SECONDS = 0.3
"""For the answers that are given already to reach the client."""


def die() -> None:
    """The whole group, which this process leads; never the group of whoever started it."""
    assert os.getpgid(0) == os.getpid()
    os.killpg(0, signal.SIGKILL)


def early_answer() -> None:
    """202 before the commit."""
    accept = SqliteMessages.accept
    publishes = 0
    tasks: set[asyncio.Task[Receipt]] = set()

    async def accept_early(self: SqliteMessages, publication: Publication) -> Receipt:
        nonlocal publishes
        publishes += 1
        if publishes == FATAL_PUBLISH:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, die)
        if publishes >= FATAL_PUBLISH and not PLANTED:
            await asyncio.Event().wait()
        if not PLANTED:
            return await accept(self, publication)
        if publishes < FATAL_PUBLISH:
            tasks.add(asyncio.ensure_future(accept(self, publication)))
        return Receipt(publication.ids, publication.accepted_at, replayed=False)

    replace(SqliteMessages, "accept", accept_early)


def two_commits() -> None:
    """A batch is recorded in two commits: its rows in one, itself and its attempt in another."""
    finish = SqliteBatches.finish
    records = 0

    async def finish_twice(self: SqliteBatches, reports: Sequence[Report]) -> Finished:
        nonlocal records
        records += 1
        fatal = records == FATAL_RECORD
        if PLANTED:
            await self._database.write(partial(write_rows, reports=reports), urgent=False)
        if fatal:
            die()
        if PLANTED:
            await self._database.write(partial(take_rows_back, reports=reports), urgent=False)
        return await finish(self, reports)

    replace(SqliteBatches, "finish", finish_twice)


def write_rows(transaction: Transaction, reports: Sequence[Report]) -> None:
    for report in reports:
        batch = finishing.held(transaction, report.claim.batch, report.claim.token)
        if batch is not None:
            for handed in report.handed:
                record(transaction, batch, handed)


def take_rows_back(transaction: Transaction, reports: Sequence[Report]) -> None:
    """So that the sound code can write them again, with all that belongs to them."""
    for report in reports:
        transaction.run("DELETE FROM delivery WHERE batch = ?", (report.claim.batch,))


def no_fencing() -> None:
    """The result of an attempt that lost its lease is taken for the one that holds it."""
    held = finishing.held

    def held_by_anybody(transaction: Transaction, key: BatchKey, _number: int) -> Batch | None:
        attempts = transaction.value("SELECT attempts FROM batch WHERE key = ?", (key,))
        return held(transaction, key, attempts)

    if PLANTED:
        replace(finishing, "held", held_by_anybody)
    stall()


def stall() -> None:
    """The first attempt reports when the second has begun, which never comes to its call."""
    deliver, finish = DeliverBatch.__call__, SqliteBatches.finish
    taken_over = asyncio.Event()
    stalled: list[BatchKey] = []

    async def deliver_late(self: DeliverBatch, claim: Claim) -> Report:
        if claim.batch in stalled:
            taken_over.set()
            await asyncio.Event().wait()
        if stalled or claim.channel != CHANNEL:
            return await deliver(self, claim)
        stalled.append(claim.batch)
        report = await deliver(self, claim)
        await taken_over.wait()
        return report

    async def finish_and_die(self: SqliteBatches, reports: Sequence[Report]) -> Finished:
        finished = await finish(self, reports)
        if any(report.claim.batch in stalled for report in reports):
            die()
        return finished

    replace(DeliverBatch, "__call__", deliver_late)
    replace(SqliteBatches, "finish", finish_and_die)
    forget_receivers()


def forget_receivers() -> None:
    """Leases end soon and are not kept, and the queue offers again what somebody still has."""
    offer = InProcessQueue.offer

    async def offer_again(self: InProcessQueue, refs: Sequence[BatchRef]) -> None:
        for ref in refs:
            self._out.discard(ref.batch)
            self._kept.pop(ref.batch, None)
        await offer(self, refs)

    async def extend(_self: Lane) -> None:
        """As a worker that is stopped."""

    replace(InProcessQueue, "offer", offer_again)
    replace(Lane, "extend", extend)
    replace(engine, "RECONCILE_SECONDS", RECONCILE_SECONDS)
    replace(bootstrap, "Terms", partial(Terms, lease=LEASE_SECONDS))


def replace(where: Any, name: str, by: Any) -> None:
    """What is replaced must be there: a bug that is planted nowhere is caught by nobody."""
    assert hasattr(where, name), f"{where} has no {name} any more"
    setattr(where, name, by)


BUGS: dict[str, Callable[[], None]] = {
    "early-202": early_answer,
    "two-commits": two_commits,
    "no-fencing": no_fencing,
}

if __name__ == "__main__":
    from notefly.cli import main

    BUGS[sys.argv[1]]()
    main(sys.argv[2:], prog_name="notefly")
