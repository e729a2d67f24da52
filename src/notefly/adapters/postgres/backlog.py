"""How much waits: counted from the rows at times, and kept up by this process in between."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notefly.adapters.postgres.database import Database
from notefly.adapters.postgres.transaction import Reading
from notefly.adapters.postgres.waiting import answer
from notefly.domain.errors import NoteflyError
from notefly.ports.backlog import Backlog

LOG = logging.getLogger(__name__)
COUNT_SECONDS = 2.0
"""Between two counts."""
SHARE = 0.02
"""Of the time, that may go into counting a large backlog."""


class PostgresBacklog:
    """See `Backlog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> int:
        return self._database.waiting

    async def count(self) -> None:
        """Look at all that is open; what is committed here meanwhile is added."""
        difference = await self._database.read(self._difference)
        self._database.waiting += difference

    async def count_at_times(self) -> None:
        """For as long as the store is open."""
        took = 0.0
        while True:
            await asyncio.sleep(max(COUNT_SECONDS, took / SHARE))
            started = time.perf_counter()
            await self.try_to_count()
            took = time.perf_counter() - started

    async def try_to_count(self) -> None:
        """The next one may succeed."""
        try:
            await self.count()
        except NoteflyError as error:
            LOG.debug("what waits is not counted: %s", error)
        except Exception:
            LOG.exception("trouble in counting what waits; it goes on")

    def _difference(self, reading: Reading) -> int:
        """Between what there is and what was known, both of one moment: the first statement's."""
        answer(self._database.commits.pause())
        try:
            reading.value("SELECT 1")
            known = self._database.waiting
        finally:
            self._database.commits.resume()
        return int(reading.value("figures.waiting")) - known


@asynccontextmanager
async def open_backlog(database: Database) -> AsyncIterator[PostgresBacklog]:
    """Counted, and counted again at times until the block ends."""
    backlog = PostgresBacklog(database)
    await backlog.try_to_count()
    counting = asyncio.create_task(backlog.count_at_times())
    try:
        yield backlog
    finally:
        counting.cancel()
        await asyncio.wait([counting])


def _meets(backlog: PostgresBacklog) -> Backlog:
    return backlog
