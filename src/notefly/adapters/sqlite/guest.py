"""A short visit to a store, whether its broker runs or not; for commands.

Beside a running broker it is a second connection that writes. That is sound because SQLite has been
without the WAL-reset bug since `FIRST_SOUND`, because a transaction of a guest takes a moment that
the broker's own waits out, and because it never checkpoints: only the last to leave does, and that
is the broker.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import apsw

from notefly.adapters.sqlite.connection import open_guest, open_writer, store_path
from notefly.adapters.sqlite.ownership import owning
from notefly.adapters.sqlite.transaction import Reading, Transaction
from notefly.domain.errors import StoreLocked, StoreUnusable, Unavailable

T = TypeVar("T")


class Guest:
    """Writes and reads in short transactions of its own."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Durable when it returns. Raises Unavailable when the store has no room, or no time."""
        return await asyncio.to_thread(self._write, work)

    async def read(self, work: Callable[[Reading], T]) -> T:
        """All of one moment."""
        return await asyncio.to_thread(self._read, work)

    def _read(self, work: Callable[[Reading], T]) -> T:
        return self._within("BEGIN", lambda: work(Reading(self._connection)))

    def _write(self, work: Callable[[Transaction], T]) -> T:
        return self._within("BEGIN IMMEDIATE", lambda: work(Transaction(self._connection)))

    def _within(self, begin: str, work: Callable[[], T]) -> T:
        try:
            self._connection.execute(begin)
            try:
                done = work()
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise Unavailable(f"the store cannot take it now, try again: {error}") from error
        return done


@contextmanager
def visiting(data_dir: Path, *, create: bool) -> Iterator[Guest]:
    """With `create` a store is made where there is none. Raises StoreUnusable.

    Who finds no broker holds the store meanwhile, and brings it up to date.
    """
    path = store_path(data_dir)
    if not create and not path.exists():
        raise StoreUnusable(f"there is no store at {path} yet; the first key makes one")
    with ExitStack() as held:
        with suppress(StoreLocked):
            held.enter_context(owning(data_dir, patience_seconds=0))
            open_writer(str(path)).close()
        yield Guest(held.enter_context(closing(open_guest(str(path)))))
