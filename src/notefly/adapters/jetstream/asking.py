"""Requests that are answered by a list of messages and a status behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

from nats.aio.msg import Msg

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.link import Link
from notefly.adapters.jetstream.messages import GIVEN_BACK, status

KEEP_ALIVE = "100"
SILENCE = "silence"
"""No status came in time."""
FULL = "full"
"""As many came as were asked for; the server says nothing more then."""

Listed = Callable[[Msg], Awaitable[None]]


@dataclass(slots=True)
class _Ask:
    listed: Listed
    left: int
    ended: asyncio.Future[str]


class Asking:
    """All answers come to one inbox. What comes too late to be wanted is given back."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._inbox = link.inbox()
        self._tokens = count()
        self._asks: dict[str, _Ask] = {}

    async def open(self) -> None:
        await self._link.subscribe(f"{self._inbox}.*", self._hear)

    async def ask(self, subject: str, request: bytes, listed: Listed, most: int) -> str:
        """Give every message to `listed`; how it ended. See `begin`."""
        return await asyncio.shield(await self.begin(subject, request, listed, most))

    async def begin(
        self, subject: str, request: bytes, listed: Listed, most: int, seconds: float = 5.0
    ) -> asyncio.Future[str]:
        """The same without waiting; it goes on if whoever asked goes away. Raises Unavailable."""
        token = str(next(self._tokens))
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        self._asks[token] = _Ask(listed, most, ended)
        loop.call_later(seconds, self._end, token, SILENCE)
        with translated():
            await self._link.client.publish(subject, request, reply=f"{self._inbox}.{token}")
        return ended

    async def _hear(self, message: Msg) -> None:
        token = message.subject.rpartition(".")[2]
        ask = self._asks.get(token)
        said = status(message)
        if ask is None:
            if said is None and message.reply:
                await self._link.client.publish(message.reply, GIVEN_BACK)
        elif said is None:
            ask.left -= 1
            await ask.listed(message)
            if not ask.left:
                self._end(token, FULL)
        elif said != KEEP_ALIVE:
            self._end(token, said)

    def _end(self, token: str, how: str) -> None:
        ask = self._asks.pop(token, None)
        if ask is not None and not ask.ended.done():
            ask.ended.set_result(how)
