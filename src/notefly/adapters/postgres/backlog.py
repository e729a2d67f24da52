"""How much waits: counted from the rows at times, and kept up by this process in between."""

from notefly.adapters.postgres.database import Database
from notefly.ports.backlog import Backlog


class PostgresBacklog:
    """See `Backlog`. Exact with one process; of others it is as old as the last count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> int:
        return self._database.waiting

    async def count(self) -> None:
        """Look at all that is open."""
        found = await self._database.read(lambda reading: reading.value("figures.waiting"))
        self._database.waiting = int(found)


def _meets(backlog: PostgresBacklog) -> Backlog:
    return backlog
