"""Batches in SQLite. A lease is monotonic time of this process, and ends with it."""

from datetime import datetime

from notefly.adapters.relational.batches import RelationalBatches
from notefly.adapters.relational.times import micros
from notefly.adapters.relational.transaction import Transaction
from notefly.adapters.relational.waiting import bring_forward
from notefly.domain.batch import Ending
from notefly.ports.batch_store import BatchStore


class SqliteBatches(RelationalBatches):
    """See `BatchStore`."""

    async def recover(self, at: datetime) -> None:
        """Leases die with the process that gave them; interrupt all, and hold it against none.

        A clock that was set back while nobody looked delays no retry either.
        """

        def work(transaction: Transaction) -> None:
            leased = transaction.rows("batches.leased")
            self.interrupt(
                transaction, [(row[0], row[1]) for row in leased], Ending.INTERRUPTED, at
            )
            if back := _behind(transaction, at):
                bring_forward(transaction, back, at)

        await self._database.write(work)


def _behind(transaction: Transaction, at: datetime) -> int:
    """Microseconds by which the clock is behind the last time that the store knows."""
    last: int = transaction.value("batches.last_known_time")
    return max(0, last - micros(at))


def _meets(store: SqliteBatches) -> BatchStore:
    return store
