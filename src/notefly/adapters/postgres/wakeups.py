"""Rings between processes, by LISTEN and NOTIFY.

A NOTIFY holds a lock of the whole database while it commits: so rings of a topic are gathered, and
each group is a transaction of its own that writes nothing else.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress

from asyncpg import Connection, Record

from notefly.adapters.postgres.errors import DRIVER
from notefly.adapters.postgres.session import STORE, open_session
from notefly.ports.wakeups import Topic, Wakeups

LOG = logging.getLogger(__name__)
GAP_SECONDS = 0.02
"""Between two rings of one topic: nobody watches more closely."""
SHORTER_GAPS = {Topic.OFFERED: 0.005}
"""Whoever is idle waits for what is offered."""
PATIENCE_SECONDS = 5.0
"""With a server that does not answer, and between two signs that it still does."""
AGAIN_SECONDS = 0.5
"""Until it is tried again."""


class PostgresWakeups:
    """See `Wakeups`. Who hears is told which session rang, so nobody hears itself."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._heard: dict[Topic, list[Callable[[], None]]] = {topic: [] for topic in Topic}
        self._rung: set[Topic] = set()
        self._rested: dict[Topic, float] = {}
        """When each may be passed on again, by the loop's clock."""
        self._wanted = asyncio.Event()
        self._tried = asyncio.Event()
        self._own = 0
        """The server's number of this session, which it tells with each ring."""

    def ring(self, topic: Topic) -> None:
        self._rung.add(topic)
        self._wanted.set()

    def listen(self, topic: Topic, heard: Callable[[], None]) -> None:
        self._heard[topic].append(heard)

    async def tried(self) -> None:
        """It listens, or could not the first time."""
        await self._tried.wait()

    async def serve(self) -> None:
        """For as long as they are open; connects again by itself."""
        while True:
            try:
                await self._session()
            except (*DRIVER, ValueError) as error:
                # ValueError: an address that cannot be one; whoever opens the store says so.
                LOG.debug("rings of other processes are not heard: %r", error)
            self._tried.set()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _session(self) -> None:
        session = await open_session(self._dsn, PATIENCE_SECONDS)
        try:
            channel = await session.fetchval(f"SELECT 'notefly_' || {STORE}")
            self._own = session.get_server_pid()
            session.add_termination_listener(self._ended)
            await session.add_listener(channel, self._hear)
            if self._tried.is_set():
                # Nobody knows what was rung meanwhile.
                self._pass_on(Topic)
            self._tried.set()
            while not session.is_closed():
                await self._pass_to_others(session, channel)
        finally:
            session.terminate()

    async def _pass_to_others(self, session: "Connection[Record]", channel: str) -> None:
        """What was rung, together; if nothing was, a sign that the server is still there."""
        rung = await self._due(session)
        self._rung -= rung
        try:
            await session.execute(
                "SELECT pg_notify($1, $2) WHERE $2 <> ''", channel, " ".join(sorted(rung))
            )
        except BaseException:
            self._rung |= rung
            raise
        now = asyncio.get_running_loop().time()
        self._rested |= {one: now + SHORTER_GAPS.get(one, GAP_SECONDS) for one in rung}

    async def _due(self, session: "Connection[Record]") -> set[Topic]:
        """What was rung and has rested; nothing, if for long nobody rang or it is over."""
        now = asyncio.get_running_loop().time
        patience = now() + PATIENCE_SECONDS
        while True:
            self._wanted.clear()
            due = {topic for topic in self._rung if self._rested.get(topic, 0.0) <= now()}
            if due or session.is_closed() or now() >= patience:
                return due
            until = min([patience, *(self._rested[topic] for topic in self._rung)])
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._wanted.wait()

    def _hear(self, _session: object, sender: int, _channel: str, payload: object) -> None:
        if sender != self._own:
            # A topic that is not known here is a newer process's.
            words = str(payload).split()
            self._pass_on(topic for topic in Topic if topic in words)

    def _pass_on(self, topics: Iterable[Topic]) -> None:
        for topic in topics:
            for heard in self._heard[topic]:
                heard()

    def _ended(self, _session: object) -> None:
        """Whoever waits for rings looks up."""
        self._wanted.set()


@asynccontextmanager
async def open_wakeups(dsn: str) -> AsyncIterator[PostgresWakeups]:
    """Rings for all processes whose store is the same; without a server they are just not heard."""
    wakeups = PostgresWakeups(dsn)
    serving = asyncio.create_task(wakeups.serve())
    try:
        await wakeups.tried()
        yield wakeups
    finally:
        serving.cancel()
        await asyncio.wait([serving])


def _meets(wakeups: PostgresWakeups) -> Wakeups:
    return wakeups
