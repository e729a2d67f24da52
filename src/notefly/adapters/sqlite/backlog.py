"""How much waits: counted once when the store is opened, and kept up by every transaction."""

from notefly.adapters.sqlite.database import Database
from notefly.adapters.sqlite.transaction import Reading, Transaction
from notefly.ports.backlog import Backlog


class SqliteBacklog:
    """See `Backlog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> int:
        return self._database.waiting

    async def count(self) -> None:
        """Look at all that is open, once; from here on transactions keep count."""

        def work(transaction: Transaction) -> None:
            transaction.waiting = counted(transaction)

        await self._database.write(work)


def counted(reading: Reading) -> int:
    """The same from the rows."""
    return int(reading.value("figures.waiting"))


def _meets(backlog: SqliteBacklog) -> Backlog:
    return backlog
