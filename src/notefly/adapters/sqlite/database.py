"""The file as the stores see it: `write` in the shared transactions, `read` of one moment."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import apsw

from notefly.adapters.sqlite.connection import MEMORY, open_reader, open_writer
from notefly.adapters.sqlite.transaction import Reading, Transaction
from notefly.adapters.sqlite.writer import Writer
from notefly.domain.errors import Unavailable
from notefly.ports.meter import Meter

T = TypeVar("T")
READERS = 2
"""Threads that read; SQLite lets go of the interpreter's lock while it works."""
QUIET_SECONDS = 0.1
"""How long the writer waits for readers to end before it goes on without."""


class Database:
    """One store, open. In `:memory:` there is one connection, so reads take turns with writes."""

    def __init__(
        self,
        path: str,
        budget: Callable[[], float],
        meter: Meter,
        on_unknown: Callable[[BaseException], None],
        now: Callable[[], datetime],
    ) -> None:
        if path != MEMORY:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._watchers: set[asyncio.Event] = set()
        connection = open_writer(path)
        self._open_to_readers = threading.Event()
        self._open_to_readers.set()
        # Opened at once: later there may be no file handle left for it.
        self._idle: SimpleQueue[apsw.Connection] = SimpleQueue()
        self._readers = None
        if path != MEMORY:
            for _ in range(READERS):
                self._idle.put(open_reader(path))
            self._readers = ThreadPoolExecutor(READERS, "notefly-reader")
        self._writer = Writer(
            connection, budget, meter, on_unknown, self._wake, now, quiet=self._without_readers
        )

    async def write(self, work: Callable[[Transaction], T], *, urgent: bool = True) -> T:
        """See `Writer.run`."""
        return await self._writer.run(work, urgent=urgent)

    async def read(self, work: Callable[[Reading], T]) -> T:
        """Do it inside one read transaction, away from the event loop."""
        if self._readers is None:
            return await self._writer.run(work, urgent=True)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def end_standstills(self) -> None:
        """There is one writer, in this process."""

    @property
    def refused(self) -> bool:
        """Whether the store refused a write since this was last set to False."""
        return self._writer.refused

    @refused.setter
    def refused(self, refused: bool) -> None:
        self._writer.refused = refused

    @property
    def waiting(self) -> int:
        """See `Writer.waiting`."""
        return self._writer.waiting

    def watch(self) -> asyncio.Event:
        """An event that is set after every commit, until `unwatch`."""
        event = asyncio.Event()
        self._watchers.add(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        self._watchers.discard(event)

    def close(self) -> None:
        """Everything asked for is done first."""
        if self._readers is not None:
            self._readers.shutdown()
            for _ in range(READERS):
                self._idle.get().close()
        self._writer.close()

    def _read(self, work: Callable[[Reading], T]) -> T:
        self._open_to_readers.wait()
        connection = self._idle.get()
        try:
            return self._of_one_moment(connection, work)
        except apsw.Error as error:
            raise Unavailable(f"the store cannot be read now: {error}") from error
        finally:
            self._idle.put(connection)

    @contextmanager
    def _without_readers(self) -> Iterator[None]:
        """Those who read come to their end, the next ones wait; long reads are not waited for."""
        held: list[apsw.Connection] = []
        deadline = time.monotonic() + QUIET_SECONDS
        self._open_to_readers.clear()
        try:
            with suppress(Empty):
                while self._readers is not None and len(held) < READERS:
                    held.append(self._idle.get(timeout=max(0.0, deadline - time.monotonic())))
            yield
        finally:
            for connection in held:
                self._idle.put(connection)
            self._open_to_readers.set()

    @staticmethod
    def _of_one_moment(connection: apsw.Connection, work: Callable[[Reading], T]) -> T:
        connection.execute("BEGIN")
        try:
            return work(Reading(connection))
        finally:
            connection.execute("COMMIT")

    def _wake(self) -> None:
        for event in self._watchers:
            event.set()
