"""One connection to NATS for everything: it comes back by itself, whatever happened to it."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from notefly.adapters.jetstream.errors import said
from notefly.domain.errors import QueueUnusable, Unavailable

LOG = logging.getLogger(__name__)
START_SECONDS = 10.0
"""At start, a server may be a little late."""
REPLY_SECONDS = 5.0
PING_SECONDS = 3
"""Of two unanswered pings the connection dies: so a server that stands still is left."""
AGAIN_SECONDS = 0.5
OLDEST = (2, 12)
"""Batches published in one go, and copies refused by a pattern of subjects."""

Heard = Callable[[Msg], Awaitable[None]]


class Link:
    """The connection of this process; `came_back` is called after every time that it was away."""

    def __init__(self, servers: str) -> None:
        self._servers = [server.strip() for server in servers.split(",") if server.strip()]
        self.addresses = ", ".join(_without_credentials(server) for server in self._servers)
        self._client = Client()
        self._subjects: list[tuple[str, Heard]] = []
        self._came_back: list[Callable[[], None]] = []
        self._dialling: asyncio.Task[None] | None = None
        self._last: Exception | None = None
        self._ending = False

    @property
    def connected(self) -> bool:
        return self._client.is_connected

    @property
    def client(self) -> Client:
        """The connection as it is now. Raises Unavailable while there is none."""
        if not self.connected:
            raise Unavailable(f"NATS cannot be reached at {self.addresses}")
        return self._client

    def streams(self) -> JetStreamContext:
        """What manages streams and consumers."""
        return self.client.jetstream(timeout=REPLY_SECONDS)

    def came_back(self, called: Callable[[], None]) -> None:
        self._came_back.append(called)

    def inbox(self) -> str:
        """A subject of this process alone."""
        return self._client.new_inbox()

    async def subscribe(self, subject: str, heard: Heard) -> None:
        """For as long as the link lives, not only this connection."""
        await self.client.subscribe(subject, cb=heard)
        self._subjects.append((subject, heard))

    async def open(self, patience_seconds: float) -> None:
        try:
            async with asyncio.timeout(patience_seconds):
                await self._dial()
        except (TimeoutError, ValueError, OSError, ssl.SSLError) as error:
            reason = said(self._last or error)
            raise QueueUnusable(
                f"NATS cannot be reached at {self.addresses} ({reason}): "
                "start it, or correct NOTEFLY_QUEUE"
            ) from error

    async def close(self) -> None:
        self._ending = True
        if self._dialling is not None:
            self._dialling.cancel()
            await asyncio.wait([self._dialling])
        with suppress(Exception):
            async with asyncio.timeout(REPLY_SECONDS):
                await self._client.close()

    async def _dial(self) -> None:
        """Until it is connected, for ever if need be."""
        user, password = _credentials(self._servers)
        await self._client.connect(
            self._servers,
            name="notefly",
            user=user,
            password=password,
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
        if not self._ending and self._dialling is None:
            self._dialling = asyncio.create_task(self._dial_again())

    async def _dial_again(self) -> None:
        await asyncio.sleep(AGAIN_SECONDS)
        self._client = Client()
        await self._dial()
        for subject, heard in self._subjects:
            await self._client.subscribe(subject, cb=heard)
        self._dialling = None
        await self._back()


@asynccontextmanager
async def open_link(servers: str, patience_seconds: float = START_SECONDS) -> AsyncIterator[Link]:
    """Connect to one of `servers`, addresses with commas between. Raises QueueUnusable."""
    link = Link(servers)
    try:
        await link.open(patience_seconds)
        version = link.client.connected_server_version
        if (version.major, version.minor) < OLDEST:
            raise QueueUnusable(
                f"NATS at {link.addresses} is {version}: NOTEFLY_QUEUE needs 2.12 or newer"
            )
        yield link
    finally:
        await link.close()


def _credentials(servers: Sequence[str]) -> tuple[str | None, str | None]:
    """Servers that the cluster tells of have none in their address: they are given the same."""
    for server in servers:
        parts = urlsplit(server)
        if parts.username and parts.password:
            return unquote(parts.username), unquote(parts.password)
    return None, None


def _without_credentials(server: str) -> str:
    return server.rpartition("@")[2].removeprefix("nats://")
