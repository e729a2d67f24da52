"""Fetching from one consumer."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from notefly.adapters.jetstream.asking import FULL, Asking
from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.messages import Held, held
from notefly.adapters.jetstream.streams import Address, Streams
from notefly.domain.errors import Unavailable

LINGER_SECONDS = 5.0
FULFILLED = frozenset({FULL, "404", "408"})
"""There were as many, or no more than that."""


class Puller:
    """What it gets it gives to `arrived`, also when nobody waits for it any more."""

    def __init__(
        self,
        address: Address,
        streams: Streams,
        asking: Asking,
        arrived: Callable[[Held], Awaitable[None]],
    ) -> None:
        self.address = address
        self.empty = False
        """Asked since the last look, and nothing came."""
        self._streams = streams
        self._asking = asking
        self._arrived = arrived
        self._lingering: asyncio.Future[str] | None = None
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{streams.name}.{address.consumer}"

    async def fetch(self, most: int) -> int:
        """What is there now: how many came. Raises Unavailable."""
        await self._ready()
        came = 0

        async def listed(message: Msg) -> None:
            nonlocal came
            came += 1
            await self._came(message)

        request = json.dumps({"batch": most, "no_wait": True}).encode()
        ended = await self._asking.ask(self._subject, request, listed, most)
        self._judge(ended)
        self.empty = self.empty or not came
        return came

    async def linger(self, woken: Callable[[], None]) -> None:
        """Ask for the next one that comes, unless that is asked for already; Unavailable."""
        if self._lingering is not None and not self._lingering.done():
            return
        await self._ready()
        request = {"batch": 1, "expires": int(LINGER_SECONDS * 1e9)}
        self._lingering = await self._asking.begin(
            self._subject, json.dumps(request).encode(), self._came, 1, LINGER_SECONDS + 1
        )
        self._lingering.add_done_callback(lambda _: woken())

    def asked(self) -> bool:
        """Whether the server owes an answer as soon as there is something."""
        return self._lingering is not None and not self._lingering.done()

    def let_go(self) -> None:
        """The connection was away: whatever was asked for is not answered any more."""
        if self._lingering is not None and not self._lingering.done():
            self._lingering.set_result("away")

    async def _ready(self) -> None:
        with translated():
            await self._streams.ensure_consumer(self.address)

    async def _came(self, message: Msg) -> None:
        self.empty = False
        await self._arrived(held(message, self.address))

    def _judge(self, ended: str) -> None:
        if ended not in FULFILLED:
            # Wiped, moved or deleted: it is looked for, and made, by whoever asks next.
            self._streams.forget()
            raise Unavailable(f"the queue's consumer {self.address.consumer} answered {ended}")
