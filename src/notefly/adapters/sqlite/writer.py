"""One thread that writes: whoever waits for durability shares its transactions.

A transaction takes every urgent job that waits, then other work for as long as the pace allows,
then the urgent jobs that came meanwhile; one commit, one fsync, and only then are all answered.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import apsw

from notefly.adapters.sqlite.transaction import Transaction
from notefly.adapters.sqlite.wal import Wal
from notefly.domain.errors import Unavailable
from notefly.ports.meter import Meter

LOG = logging.getLogger(__name__)
T = TypeVar("T")
STORE_ERRORS = (apsw.FullError, apsw.IOError, apsw.CorruptError, apsw.ReadOnlyError, apsw.BusyError)

FULL = "the disk is full, nothing of it was stored: make room, and it is taken again"


@dataclass(slots=True)
class Job(Generic[T]):
    """Something to do inside a transaction, and who waits for it."""

    work: Callable[[Transaction], T]
    urgent: bool
    future: "asyncio.Future[T]"
    loop: asyncio.AbstractEventLoop
    result: T | None = None
    error: BaseException | None = None

    def answer(self) -> None:
        """In the event loop; a waiter that has gone away is not told."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class Writer:
    """The writing side of a store."""

    def __init__(  # noqa: PLR0913 - everything it must not reach for itself
        self,
        connection: apsw.Connection,
        budget: Callable[[], float],
        meter: Meter,
        on_unknown: Callable[[BaseException], None],
        committed: Callable[[], None],
        now: Callable[[], datetime],
        *,
        quiet: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """`quiet` holds readers off, as far as that is possible, while it is entered."""
        self._connection = connection
        self._transaction = Transaction(connection, now)
        self._budget = budget
        self._meter = meter
        self._on_unknown = on_unknown
        self._committed = committed
        self._inbox: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._later: deque[Job[Any]] = deque()
        self.refused = False
        """A transaction was undone, for want of room mostly; whoever finds room takes it back."""
        self._closing = False
        self._wal = Wal(connection, quiet, on_unknown)
        self.waiting = 0
        """`Transaction.waiting` as it was last committed."""
        self._thread = threading.Thread(target=self._serve, name="notefly-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[Transaction], T], *, urgent: bool) -> T:
        """Do it, and return once it is durable. Raises what `work` raises; then it left no trace.

        Raises Unavailable when the store has no room; nothing of it was stored then.
        """
        if self._closing:
            raise Unavailable("the store is closing")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._inbox.put(Job(work, urgent, future, loop))
        return await future

    def close(self) -> None:
        """Finish what was asked for, checkpoint, and let go of the file."""
        self._closing = True
        self._inbox.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._until_closed()
        except BaseException as error:  # noqa: BLE001 - whoever waits would wait for ever
            self._on_unknown(error)

    def _until_closed(self) -> None:
        closing = False
        while not closing or self._later:
            first = None if self._later else self._inbox.get()
            if first is None and not self._later:
                closing = True
                continue
            closing = self._group(first) or closing
            self._wal.keep_small()
            if self._transaction.erased:
                self._transaction.erased = not self._wal.wiped()
        self._wal.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._connection.close()

    def _group(self, first: Job[Any] | None) -> bool:
        """One transaction. True when closing was asked for in the meantime."""
        started = time.perf_counter()
        deadline = started + self._budget()
        done: list[Job[Any]] = []
        closing = worked = False
        try:
            self._execute("BEGIN IMMEDIATE")
            self._transaction.begun()
            if first is not None:
                self._take(first, done)
            while True:
                closing = self._drain(done) or closing
                # At least one of the others has its turn, however many are urgent.
                if not self._later or (worked and time.perf_counter() >= deadline):
                    break
                self._do(self._later.popleft(), done)
                worked = True
        except STORE_ERRORS as error:
            if not done:
                # It did not even begin: somebody is told, and the next one tries again.
                done.append(self._later.popleft() if first is None else first)
            self._undo(done, error)
        else:
            self._commit(done, started)
        self._answer(done)
        return closing

    def _take(self, job: Job[Any], done: list[Job[Any]]) -> None:
        if job.urgent:
            self._do(job, done)
        else:
            self._later.append(job)

    def _drain(self, done: list[Job[Any]]) -> bool:
        while True:
            try:
                job = self._inbox.get_nowait()
            except Empty:
                return False
            if job is None:
                return True
            self._take(job, done)

    def _do(self, job: Job[Any], done: list[Job[Any]]) -> None:
        """Run one job in a savepoint: what it raises undoes it alone."""
        done.append(job)
        self._execute("SAVEPOINT job")
        waiting = self._transaction.waiting
        try:
            job.result = job.work(self._transaction)
        except STORE_ERRORS:
            raise
        except BaseException as error:
            if not self._connection.in_transaction:
                # SQLite undid all of it by itself: nobody's work is left.
                raise apsw.FullError("the transaction was undone") from error
            job.error = error
            self._transaction.waiting = waiting
            self._execute("ROLLBACK TO job")
        self._execute("RELEASE job")

    def _commit(self, done: list[Job[Any]], started: float) -> None:
        try:
            self._execute("COMMIT")
        except (apsw.FullError, apsw.BusyError) as error:
            self._undo(done, error)
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may be answered
            # Whether the commit reached the disk is unknown: nobody is answered, the process stops,
            # and the idempotency keys of those who waited resolve it.
            self._on_unknown(error)
            done.clear()
            return
        self._transaction.ended(durable=True)
        self.waiting = self._transaction.waiting
        self._meter.commit(time.perf_counter() - started, len(done))

    def _undo(self, done: list[Job[Any]], error: apsw.Error) -> None:
        self._transaction.undone += 1
        self.refused = True
        self._transaction.ended(durable=False)
        self._transaction.waiting = self.waiting
        if self._connection.in_transaction:
            self._execute("ROLLBACK")
        full = isinstance(error, apsw.FullError)
        why = FULL if full else f"the store cannot take it now: {error}"
        for job in done:
            job.error = Unavailable(why)
            job.error.__cause__ = error

    def _answer(self, done: list[Job[Any]]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Job[Any]]] = {}
        for job in done:
            by_loop.setdefault(job.loop, []).append(job)
        for loop, jobs in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._answer_all, jobs)
            except RuntimeError:
                continue  # That loop is closed: nobody waits there any more.

    def _answer_all(self, jobs: list[Job[Any]]) -> None:
        for job in jobs:
            job.answer()
        self._committed()

    def _execute(self, statement: str) -> None:
        self._connection.execute(statement)
