"""Fetching from one consumer."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

from nats.aio.msg import Msg

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.line import FULL, SILENCE, Line
from notefly.adapters.jetstream.link import NatsLink
from notefly.adapters.jetstream.streams import Address, Streams
from notefly.domain.errors import Unavailable

FETCH_SECONDS = 2.0
LINGER_SECONDS = 3.0
LATE_SECONDS = 0.5
"""So much later than it should say that nothing came, a server is not believed to answer."""
NO_MORE = ("404", "408")


class Puller:
    """What it gets it gives to `arrived`, also when nobody waits for it any more."""

    def __init__(
        self,
        address: Address,
        streams: Streams,
        link: NatsLink,
        arrived: Callable[[Msg, Address], Awaitable[None]],
    ) -> None:
        self.address = address
        self.empty = False
        """The last fetch brought nothing, and nothing came since."""
        self._streams = streams
        self._arrived = arrived
        self._fetching = Line(link)
        self._lingering = Line(link)
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{streams.name}.{address.consumer}"

    @property
    def nothing_there(self) -> bool:
        """The next one that comes is asked for: had there been any, it would have come."""
        return self._lingering.busy is not None

    async def fetch(self, most: int) -> bool:
        """What is there now; whether there may be more. Raises Unavailable.

        Whoever comes while others fetch waits for them instead.
        """
        under_way = self._fetching.busy
        if under_way is None:
            await self._ready()
            self.empty = True
            request = json.dumps({"batch": most, "no_wait": True}).encode()
            under_way = await self._fetching.ask(
                self._subject, request, self._came, most, FETCH_SECONDS
            )
        ended = await asyncio.shield(under_way)
        if ended not in (FULL, SILENCE, *NO_MORE):
            # Wiped or deleted, or it elects: whoever asks next looks, and makes it.
            self._streams.forget()
        if ended not in (FULL, *NO_MORE):
            raise Unavailable(f"the queue's consumer {self.address.consumer} answered {ended}")
        return ended == FULL

    async def linger(self, woken: Callable[[], None]) -> None:
        """Ask for the next one that comes, unless that is asked for already; Unavailable."""
        if self._lingering.busy is None:
            await self._ready()
            request = json.dumps({"batch": 1, "expires": int(LINGER_SECONDS * 1e9)}).encode()
            ended = await self._lingering.ask(
                self._subject, request, self._came, 1, LINGER_SECONDS + LATE_SECONDS
            )
            ended.add_done_callback(lambda _: woken())

    def hang_up(self) -> None:
        """The connection was away: what was asked for is not answered any more."""
        self._fetching.hang_up()
        self._lingering.hang_up()

    async def _ready(self) -> None:
        """The consumer is there; who makes it may be away while it is not, so asking goes on."""
        with suppress(Unavailable), translated():
            await self._streams.ensure_consumer(self.address)

    async def _came(self, message: Msg) -> None:
        self.empty = False
        await self._arrived(message, self.address)
