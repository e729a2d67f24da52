"""Commits under way: of one that is, nobody can say whether a count that begins now sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE_SECONDS = 0.2
"""How long those under way are waited for, and then how long new ones are held up at most."""


class Commits:
    """Any number at once, or none for a moment."""

    def __init__(self) -> None:
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()
        self._allowed = asyncio.Event()
        self._allowed.set()
        self._over: asyncio.TimerHandle

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """From before it is sent until what it changed is noted."""
        await self._allowed.wait()
        self._under_way += 1
        self._none.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._none.set()

    async def pause(self) -> None:
        """Until `resume` there is none. Raises TimeoutError if one takes long."""
        self._allowed.clear()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._none.wait()
        except BaseException:
            self._allowed.set()
            raise
        # Whoever paused may hear nothing from a server that others still talk to.
        self._over = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._allowed.set)

    def resume(self) -> bool:
        """False if they went on before, because it took too long."""
        in_time = not self._allowed.is_set()
        self._over.cancel()
        self._allowed.set()
        return in_time
