"""The server as the stores see it: `write` in a transaction of its own, `read` of one moment."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Self, TypeVar

from asyncpg import InterfaceError

from notefly.adapters.postgres.commits import Commits
from notefly.adapters.postgres.connection import COMMAND_SECONDS, CONNECTIONS, close_pool, open_pool
from notefly.adapters.postgres.errors import DRIVER, UNDONE, translated, uncommitted
from notefly.adapters.postgres.transaction import Link, Links, Reading, Transaction
from notefly.adapters.postgres.waiting import step_aside
from notefly.adapters.relational.rows import StoreBrokenError
from notefly.adapters.relational.times import micros
from notefly.domain.errors import NoteflyError, Unavailable
from notefly.ports.meter import Meter
from notefly.ports.wakeups import Topic, Wakeups

T = TypeVar("T")
LOG = logging.getLogger(__name__)
DURABLE = "INSERT INTO epoch (number, at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
READERS = CONNECTIONS - 3
"""At once, so that leases are kept and outcomes recorded however many people look at pages."""
STANDSTILL_SECONDS = 5.0
"""As `idle_in_transaction_session_timeout`, for who stands still inside a statement."""
POLL_SECONDS = 0.5
"""How soon a watcher hears of what another process committed."""
RUNG_POLL_SECONDS = 2.0
"""The same where others ring: for what was not heard."""


class Database:
    """One store, open; its pool opens connections again when they were cut."""

    _pool: Links

    def __init__(
        self, meter: Meter, now: Callable[[], datetime], wakeups: Wakeups | None = None
    ) -> None:
        self._meter = meter
        self._now = now
        self._wakeups = wakeups
        self._durable: tuple[int, int] | None = None
        """An epoch and when it was durable: the next transaction writes it down."""
        self.waiting = 0
        """As it was counted, and what this process committed since."""
        self.refused = False
        """A write was refused since somebody looked."""
        self._connections = 0
        """That were opened. Behind a new one may be a server that took another one's place, and
        does not have all that was seen there."""
        self._may_end = True
        self._watchers: set[asyncio.Event] = set()
        self._polling: asyncio.Task[None] | None = None
        self.commits = Commits()
        self._readers = asyncio.Semaphore(READERS)
        if wakeups is not None:
            wakeups.listen(Topic.COMMITTED, self._tell_watchers)

    @classmethod
    async def open(
        cls, dsn: str, meter: Meter, now: Callable[[], datetime], wakeups: Wakeups | None = None
    ) -> Self:
        """Connect, check, migrate. Raises StoreUnusable."""
        database = cls(meter, now, wakeups)
        database._pool = await open_pool(dsn, opened=database._opened)
        return database

    async def write(
        self, work: Callable[[Transaction], T], *, urgent: bool = True, members: int = 1
    ) -> T:
        """See `relational.transaction.Database`; raises CommitUnknown when the answer was lost."""
        started = time.perf_counter()
        try:
            result = await self._until_done(work)
        except Unavailable:
            self.refused = True
            raise
        self._meter.commit(time.perf_counter() - started, members)
        self._wake()
        return result

    async def read(self, work: Callable[[Reading], T]) -> T:
        """Do it inside one read transaction."""
        async with self._readers, self._link() as link:
            await _say(link, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                result = await step_aside(work, Reading(link, self._connections))
            except BaseException:
                await _roll_back(link)
                raise
            await _say(link, "COMMIT")
            return result

    async def end_standstills(self) -> None:
        """The server itself ends who keeps it waiting between two statements, but nobody who does
        so in the midst of one: a COPY that its client does not go on with."""
        if self._may_end:
            try:
                await self.read(lambda r: r.value("batches.end_standstills", (STANDSTILL_SECONDS,)))
            except StoreBrokenError as error:
                self._may_end = False
                LOG.warning("sessions that stand still are not ended here: %s", error)

    def watch(self) -> asyncio.Event:
        """An event that is set after every commit here, and soon after one elsewhere."""
        event = asyncio.Event()
        self._watchers.add(event)
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll())
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        self._watchers.discard(event)

    async def close(self) -> None:
        """Everything asked for is done first."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait([self._polling])
        await close_pool(self._pool)

    def _opened(self) -> None:
        self._connections += 1

    async def _until_done(self, work: Callable[[Transaction], T]) -> T:
        until = time.monotonic() + COMMAND_SECONDS
        while True:
            try:
                return await self._transaction(work)
            except NoteflyError as error:
                if not isinstance(error.__cause__, UNDONE) or time.monotonic() > until:
                    raise

    async def _transaction(self, work: Callable[[Transaction], T]) -> T:
        async with self._link() as link:
            await _say(link, "BEGIN")
            transaction, durable = Transaction(link, self._connections), self._durable
            try:
                result = await step_aside(_whole(work, durable), transaction)
                async with self.commits.one():
                    await _commit(link)
                    self.waiting += transaction.waiting
            except BaseException:
                # Also for who goes away before the commit is sent; nothing is left to undo after.
                await _roll_back(link)
                raise
            if transaction.moved is not None:
                # Before anybody is answered: the latest time at which the change was made.
                self._durable = transaction.moved, micros(self._now())
            elif self._durable is durable:
                self._durable = None
            return result

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[Link]:
        try:
            async with self._pool.acquire() as link:
                yield link
        except BaseException as error:
            other = translated(error)
            if other is error:
                raise
            raise other from error

    async def _poll(self) -> None:
        """Listening would do, but a NOTIFY holds a lock of the whole database while it commits."""
        seen: object = None
        while True:
            try:
                found = await self.read(lambda reading: reading.value("figures.commits"))
            except NoteflyError as error:
                LOG.debug("what others commit is not heard of: %s", error)
            except Exception:
                LOG.exception("trouble in looking for what others commit; it goes on")
            else:
                if found != seen:
                    seen = found
                    self._tell_watchers()
            await asyncio.sleep(POLL_SECONDS if self._wakeups is None else RUNG_POLL_SECONDS)

    def _wake(self) -> None:
        self._tell_watchers()
        if self._wakeups is not None:
            self._wakeups.ring(Topic.COMMITTED)

    def _tell_watchers(self) -> None:
        for event in self._watchers:
            event.set()


def _whole(
    work: Callable[[Transaction], T], durable: tuple[int, int] | None
) -> Callable[[Transaction], T]:
    def all_of_it(transaction: Transaction) -> T:
        if durable is not None:
            transaction.run(DURABLE, durable)
        result = work(transaction)
        transaction.close()
        return result

    return all_of_it


async def _commit(link: Link) -> None:
    try:
        await link.execute("COMMIT")
    except BaseException as error:
        # Nobody may use the connection again: it may still be in the middle of the answer.
        _cut(link)
        if isinstance(error, asyncio.CancelledError):
            raise
        raise uncommitted(error) from error


def _cut(link: Link) -> None:
    # One that was cut from the other side has left the pool by itself.
    with suppress(InterfaceError):
        link.terminate()


async def _roll_back(link: Link) -> None:
    """What went wrong before is what the caller has to hear of."""
    with suppress(*DRIVER):
        await _say(link, "ROLLBACK")


async def _say(link: Link, statement: str) -> None:
    """Begin or end; a connection of which nobody knows whether it did is closed."""
    try:
        await link.execute(statement)
    except BaseException:
        _cut(link)
        raise
