"""Requests that are answered by a list of messages and a status behind it."""

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.msg import Msg

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.link import NatsLink
from notefly.adapters.jetstream.messages import status
from notefly.domain.errors import Unavailable

KEEP_ALIVE = "100"
SILENCE = "silence"
"""No status came in time."""
FULL = "full"
"""As many came as were asked for; the server says nothing more then."""

Listed = Callable[[Msg], Awaitable[None]]
Ended = asyncio.Future[str]


class Line:
    """One request at a time: messages that a consumer sends do not tell what they answer."""

    def __init__(self, link: NatsLink) -> None:
        self._link = link
        self._inbox = link.inbox()
        self._open = False
        self._number = 0
        self._left = 0
        self._listed: Listed | None = None
        self._ended: Ended | None = None

    @property
    def busy(self) -> Ended | None:
        """The request that is under way."""
        return None if self._ended is None or self._ended.done() else self._ended

    async def ask(
        self, subject: str, request: bytes, listed: Listed, most: int, seconds: float
    ) -> Ended:
        """Begin; it goes on when whoever asked goes away. Raises Unavailable.

        The status that ends it is the result.
        """
        while (busy := self.busy) is not None:
            await asyncio.wait([busy])
        loop = asyncio.get_running_loop()
        ended: Ended = loop.create_future()
        self._ended, self._listed, self._left = ended, listed, most
        self._number += 1
        loop.call_later(seconds, self._end, ended, SILENCE)
        try:
            with translated():
                await self._send(subject, request)
        except Unavailable:
            self._end(ended, SILENCE)
            raise
        return ended

    def hang_up(self) -> None:
        """Nobody will answer any more."""
        if self._ended is not None:
            self._end(self._ended, SILENCE)

    async def _send(self, subject: str, request: bytes) -> None:
        if not self._open:
            await self._link.subscribe(f"{self._inbox}.*", self._hear)
            self._open = True
        await self._link.client.publish(subject, request, reply=f"{self._inbox}.{self._number}")

    async def _hear(self, message: Msg) -> None:
        if self._listed is None or self._ended is None:
            return
        said = status(message)
        if said is None:
            await self._listed(message)
            self._left -= 1
            if self._left == 0:
                self._end(self._ended, FULL)
        elif said != KEEP_ALIVE and message.subject == f"{self._inbox}.{self._number}":
            self._end(self._ended, said)

    def _end(self, ended: Ended, how: str) -> None:
        if not ended.done():
            ended.set_result(how)
