"""What every planted bug shares: how it is switched on, and how the moment for it is made sure.

A steering is there with the bug and without it (PLANTED=0), so that the checker has one chance and
no luck, and so that nothing but the bug is what it finds.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.relational.subscribers import RelationalSubscribers
from notefly.adapters.sqlite.batches import SqliteBatches
from notefly.application import engine
from notefly.application.lane import Lane
from notefly.application.patience import Terms
from notefly.bootstrap import surroundings
from notefly.domain.batch import BatchRef, Report
from notefly.domain.subscriber import Subscriber
from notefly.ports.batch_store import Finished
from tests.faults.product import CHANNEL

PLANTED = os.environ.get("PLANTED", "1") == "1"
CHANGES = 10
"""People who change their minds in a scene that has any."""
LEASE_SECONDS = 0.5
RECONCILE_SECONDS = 0.1
TROUBLE_SECONDS = 0.2


def replace(where: Any, name: str, by: Any) -> None:
    """What is replaced must be there: a bug that is planted nowhere is caught by nobody."""
    assert hasattr(where, name), f"{where} has no {name} any more"
    setattr(where, name, by)


def die() -> None:
    """The whole group, which this process leads; never the group of whoever started it."""
    assert os.getpgid(0) == os.getpid()
    os.killpg(0, signal.SIGKILL)


def die_around_finish(*, before: bool) -> None:
    """When the outcome of a call is recorded: right before, or right after its commit."""
    finish = SqliteBatches.finish

    async def finish_and_die(self: SqliteBatches, reports: Sequence[Report]) -> Finished:
        called = any(report.claim.channel == CHANNEL and report.handed for report in reports)
        if called and before:
            die()
        finished = await finish(self, reports)
        if called:
            die()
        return finished

    replace(SqliteBatches, "finish", finish_and_die)


def look_often() -> None:
    """What the reconciler would see in half a minute it sees in a second or two."""
    replace(engine, "RECONCILE_SECONDS", RECONCILE_SECONDS)
    replace(engine, "KEEP_SECONDS", RECONCILE_SECONDS)
    replace(surroundings, "Terms", partial(Terms, trouble=TROUBLE_SECONDS))


def forget_receivers() -> None:
    """Leases are not kept, and the queue offers again what somebody still has."""
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


@dataclass(slots=True)
class Changes:
    """Counts those who changed their minds, and tells when all of them have."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    count: int = 0

    def watch(self) -> None:
        revise = RelationalSubscribers.revise

        async def revise_and_count(
            store: RelationalSubscribers, *args: Any, **named: Any
        ) -> Subscriber | None:
            revised = await revise(store, *args, **named)
            self.count += 1
            if self.count >= CHANGES:
                self.done.set()
            return revised

        replace(RelationalSubscribers, "revise", revise_and_count)
