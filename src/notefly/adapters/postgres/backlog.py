"""How much waits: counted from the rows at times, and kept up by this process in between."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from notefly.adapters.postgres.database import Database
from notefly.adapters.postgres.transaction import Reading
from notefly.adapters.postgres.waiting import answer
from notefly.domain.errors import NoteflyError, Unavailable
from notefly.ports.backlog import Backlog

LOG = logging.getLogger(__name__)
COUNT_SECONDS = 2.0
"""Between two counts."""
SHARE = 0.02
"""Of the time, that may go into counting a large backlog."""
SILENT_COUNTS = 30
"""In a row that may fail before somebody is told; meanwhile only this process's commits count."""


class PostgresBacklog:
    """See `Backlog`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counting = asyncio.Lock()

    def waiting(self) -> int:
        return self._database.waiting

    async def count(self) -> None:
        """Look at all that is open; what is committed here meanwhile is added."""
        async with self._counting:
            difference = await self._database.read(self._difference)
            self._database.waiting += difference

    async def count_at_times(self) -> None:
        """For as long as the store is open."""
        took, failed = 0.0, 0
        while True:
            await asyncio.sleep(max(COUNT_SECONDS, took / SHARE))
            started = time.perf_counter()
            try:
                await self.count()
                failed = 0
            except NoteflyError as error:
                failed += 1
                level = logging.WARNING if failed == SILENT_COUNTS else logging.DEBUG
                LOG.log(level, "what waits was not counted %d times in a row: %s", failed, error)
            except Exception:
                LOG.exception("trouble in counting what waits; it goes on")
            took = time.perf_counter() - started

    def _difference(self, reading: Reading) -> int:
        """Between what there is and what was known, both of one moment: the first statement's."""
        answer(self._database.commits.pause())
        try:
            reading.value("SELECT 1")
            known = self._database.waiting
        finally:
            in_time = self._database.commits.resume()
        if not in_time:
            raise Unavailable("the server took too long to answer")
        return int(reading.value("figures.waiting")) - known


@asynccontextmanager
async def open_backlog(database: Database) -> AsyncIterator[PostgresBacklog]:
    """Counted, and counted again at times until the block ends."""
    backlog = PostgresBacklog(database)
    # A server that is slow to answer now is counted on soon; nobody is kept from starting by it.
    with suppress(Unavailable):
        await backlog.count()
    counting = asyncio.create_task(backlog.count_at_times())
    try:
        yield backlog
    finally:
        counting.cancel()
        await asyncio.wait([counting])


def _meets(backlog: PostgresBacklog) -> Backlog:
    return backlog
