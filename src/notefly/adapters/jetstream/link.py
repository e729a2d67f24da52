"""One connection to NATS for everything: it comes back by itself, whatever happened to it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from notefly.adapters.jetstream.durability import MONITORING_PORT, Durability
from notefly.adapters.jetstream.errors import said
from notefly.adapters.jetstream.fitness import check_server
from notefly.adapters.jetstream.wire import Wire
from notefly.domain.errors import QueueUnusable, Unavailable

LOG = logging.getLogger(__name__)
START_SECONDS = 10.0
"""At start, a server may be a little late."""
REPLY_SECONDS = 3.0
PING_SECONDS = 2
"""Of two unanswered pings the connection dies: so a server that stands still is left."""
AGAIN_SECONDS = 0.5

Heard = Callable[[Msg], Awaitable[None]]


class NatsLink:
    """The connection of this process; `came_back` is called after every time that it was away."""

    def __init__(self, servers: str) -> None:
        self._servers = [server.strip() for server in servers.split(",") if server.strip()]
        self.addresses = ", ".join(_without_credentials(server) for server in self._servers)
        self._client = Wire()
        self._subjects: list[tuple[str, Heard]] = []
        self._came_back: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._dialling = False
        self._last: Exception | None = None
        self._refused: Exception | None = None
        """What a server said to our credentials; cut connections follow it."""
        self._ending = False

    @property
    def connected(self) -> bool:
        return self._client.is_connected

    @property
    def client(self) -> Wire:
        """The connection as it is now. Raises Unavailable while there is none."""
        if not self.connected:
            raise Unavailable(f"NATS cannot be reached at {self.addresses}")
        return self._client

    def streams(self, patience_seconds: float = REPLY_SECONDS) -> JetStreamContext:
        """What manages streams and consumers."""
        return self.client.jetstream(timeout=patience_seconds)

    def came_back(self, called: Callable[[], None]) -> None:
        self._came_back.append(called)

    def inbox(self) -> str:
        """A subject of this process alone."""
        return self._client.new_inbox()

    async def subscribe(self, subject: str, heard: Heard) -> None:
        """For as long as the link lives, not only this connection."""
        self._subjects.append((subject, heard))
        with suppress(NatsError):
            # If it is away, this is done when it is back.
            await self._client.subscribe(subject, cb=heard)

    def begin(self, work: Coroutine[object, object, None]) -> None:
        """Something that goes on by itself, and ends with the link at the latest."""
        if self._ending:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def open(self, patience_seconds: float) -> None:
        """Connect now, or, if nobody is there yet, as soon as somebody is.

        Work waits in the store meanwhile: a queue that is away is no reason not to accept any.
        Raises QueueUnusable for an address that is none, and for credentials that are refused.
        """
        try:
            await self.connect(patience_seconds)
        except Unavailable as away:
            LOG.warning("%s: work waits in the store until it can; see NOTEFLY_QUEUE", away)
            self._dialling = True
            with suppress(Exception):
                await self._client.close()
            self.begin(self._dial_again())

    async def connect(self, patience_seconds: float) -> None:
        """Now or never. Raises what `open` does, and Unavailable where nobody is there."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._dial(self._client)
        except (TimeoutError, ValueError, OSError, NatsError) as error:
            reason = said(self._refused or self._last or error)
            where = f"NATS cannot be reached at {self.addresses} ({reason})"
            if self._refused or not isinstance(error, TimeoutError | OSError):
                raise QueueUnusable(f"{where}: correct NOTEFLY_QUEUE") from error
            raise Unavailable(where) from error

    async def check(self, patience_seconds: float) -> str:
        """The version of the server that it is connected to, which can do what is needed.

        Raises QueueUnusable for one that never will, Unavailable for one that cannot now.
        """
        return await check_server(self.client, self.addresses, patience_seconds)

    async def close(self) -> None:
        self._ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(Exception):
            async with asyncio.timeout(REPLY_SECONDS):
                await self._client.close()

    async def _dial(self, client: Wire) -> None:
        """Until it is connected, for ever if need be."""
        login = _credentials(self._servers)
        await client.connect(
            self._servers,
            name="notefly",
            user=login.user,
            password=login.password,
            token=login.token,
            # A process needs no wake-up of its own.
            no_echo=True,
            connect_timeout=2,
            ping_interval=PING_SECONDS,
            max_outstanding_pings=2,
            max_reconnect_attempts=-1,
            reconnect_time_wait=AGAIN_SECONDS,  # type: ignore[arg-type]
            error_cb=self._troubled,
            disconnected_cb=self._gone,
            reconnected_cb=self._back,
            closed_cb=self._closed,
        )

    async def _troubled(self, error: Exception) -> None:
        self._last = error
        if "authorization" in str(error).lower():
            self._refused = error
        LOG.debug("NATS: %s", said(error))

    async def _gone(self) -> None:
        if not self._ending:
            LOG.warning("NATS at %s is away; trying again", self.addresses)

    async def _back(self) -> None:
        LOG.info("NATS is back")
        for called in self._came_back:
            called()

    async def _closed(self) -> None:
        """The driver gives up after some refusals, and we do not."""
        if not self._ending and not self._dialling:
            self._dialling = True
            self.begin(self._dial_again())

    async def _dial_again(self) -> None:
        await asyncio.sleep(AGAIN_SECONDS)
        client = Wire()
        await self._dial(client)
        self._client = client
        self._dialling = False
        for subject, heard in tuple(self._subjects):
            # If it is away again, the driver remembers what was asked for.
            with suppress(NatsError):
                await client.subscribe(subject, cb=heard)
        await self._back()


@asynccontextmanager
async def open_link(
    servers: str,
    *,
    patience_seconds: float = START_SECONDS,
    monitoring_port: int = MONITORING_PORT,
) -> AsyncIterator[NatsLink]:
    """Connect to one of `servers`, addresses with commas between, now or when one is there.

    Raises QueueUnusable for a server that will never do.
    """
    link = NatsLink(servers)
    durability = Durability(monitoring_port)
    link.came_back(lambda: link.begin(_look(durability, link)))
    try:
        await link.open(patience_seconds)
        if link.connected:
            await _check(link, patience_seconds)
            await _look(durability, link)
        yield link
    finally:
        await link.close()


async def _check(link: NatsLink, patience_seconds: float) -> None:
    try:
        await link.check(patience_seconds)
    except Unavailable as error:
        LOG.warning("%s: work waits in the store until it does", error)


async def _look(durability: Durability, link: NatsLink) -> None:
    """Servers may be others than before. Nothing hangs on it, whatever is in the way."""
    with suppress(Unavailable, NatsError, OSError):
        await durability.look(link.client)


class Login(NamedTuple):
    """A name and a password, or a token, or nothing."""

    user: str | None = None
    password: str | None = None
    token: str | None = None


def _credentials(servers: Sequence[str]) -> Login:
    """Servers that the cluster tells of have none in their address: they are given the same.

    A name without a password is a token.
    """
    for server in servers:
        parts = urlsplit(server)
        if parts.username:
            return Login(
                unquote(parts.username) if parts.password else None,
                unquote(parts.password) if parts.password else None,
                None if parts.password else unquote(parts.username),
            )
    return Login()


def _without_credentials(server: str) -> str:
    return server.rpartition("@")[2].removeprefix("nats://")
