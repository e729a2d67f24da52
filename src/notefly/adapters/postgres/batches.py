"""Batches on a server: one large recording at a time for each process."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from typing_extensions import override

from notefly.adapters.postgres.alike import record_alike
from notefly.adapters.postgres.database import Database
from notefly.adapters.relational.batches import RelationalBatches
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.record import is_alike
from notefly.adapters.relational.transaction import Transaction
from notefly.domain.batch import Report
from notefly.ports.batch_store import BatchStore, Finished, Planned
from notefly.ports.clock import Clock


class PostgresBatches(RelationalBatches):
    """See `BatchStore`."""

    def __init__(
        self,
        database: Database,
        channels: Names,
        kinds: Mapping[str, str],
        clock: Clock,
        lease_now: Callable[[], float | None],
    ) -> None:
        super().__init__(database, channels, kinds, clock, lease_now, record_alike)
        self._large = asyncio.Lock()

    @override
    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        """In one go: nobody waits for this transaction, so nothing is read ahead of it."""
        return await self._database.write(
            lambda transaction: self._planner.plan(transaction, sizes, seconds), urgent=False
        )

    @override
    async def finish(self, reports: Sequence[Report]) -> Finished:
        """Whole groups one after the other: each keeps a core of the server busy by itself.

        Two would stand in each other's way at the end of the same table and of the log of writes.
        Another worker process is another core. While one is flushed the next is written.
        """
        if not any(map(is_alike, reports)):
            return await super().finish(reports)
        await self._large.acquire()
        with ExitStack() as turn:
            turn.callback(self._large.release)

            def work(transaction: Transaction) -> Finished:
                finished = self.record(transaction, reports)
                turn.close()
                return finished

            return await self._database.write(work, urgent=False)


def _meets(store: PostgresBatches) -> BatchStore:
    return store
