"""How fast it goes: counts of every few seconds, for as long as pages look back."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from notefly.domain.errors import NoteflyError
from notefly.ports.clock import Clock
from notefly.ports.figures import Figures

log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0
SPAN_SECONDS = 15 * 60.0
WINDOW_SECONDS = 60.0
SHORTEST_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted at a moment of the monotonic clock; only differences mean anything.

    `came` is what ended and what waits, taken together: planned for somebody, or replayed.
    """

    at: float
    accepted: int
    came: int
    ended: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Per second, over so many seconds; None until there are two moments to compare."""

    accepted: float | None
    ended: float | None
    over_seconds: float | None


class Throughput:
    """The last minutes, kept in memory: it knows nothing of the time before this broker started."""

    def __init__(self, figures: Figures, clock: Clock) -> None:
        self._figures = figures
        self._clock = clock
        self._kept: deque[Counted] = deque()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Counted now, and again until the block ends."""
        await self._count_if_it_can_be()
        counting = asyncio.create_task(self._count_at_times())
        try:
            yield
        finally:
            counting.cancel()
            await asyncio.wait([counting])

    async def _count_at_times(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self._count_if_it_can_be()

    async def _count_if_it_can_be(self) -> None:
        """While the store is away nothing is counted; the next count covers that time."""
        try:
            await self.count()
        except NoteflyError as error:
            log.debug("how fast it goes is not counted: %s", error)
        except Exception:
            log.exception("trouble in counting how fast it goes; it goes on")

    async def count(self) -> None:
        """Look, and remember."""
        now = await self._look()
        self._kept.append(now)
        while len(self._kept) > 1 and self._kept[1].at <= now.at - SPAN_SECONDS:
            self._kept.popleft()

    async def history(self) -> Sequence[Counted]:
        """Oldest first, up to now; `at` in seconds before now."""
        now = await self._look()
        kept = [one for one in self._kept if now.at - one.at >= SHORTEST_SECONDS]
        return [replace(one, at=now.at - one.at) for one in (*kept, now)]

    async def _look(self) -> Counted:
        """Three reads are not one moment: nothing comes in backwards."""
        accepted = await self._figures.messages()
        ended = sum((await self._figures.deliveries()).values())
        waiting = sum(one.deliveries_open for one in await self._figures.channels())
        before = self._kept[-1].came if self._kept else 0
        came = max(before, ended + waiting)
        return Counted(self._clock.monotonic(), accepted, came, ended, waiting)

    def rate(self, accepted: int, ended: int) -> Rate:
        """Up to what is counted now, since the oldest count of the last minute."""
        now = self._clock.monotonic()
        lately = [one for one in self._kept if now - one.at <= WINDOW_SECONDS]
        seconds = now - lately[0].at if lately else 0.0
        if seconds < SHORTEST_SECONDS:
            return Rate(None, None, None)
        return Rate(
            round((accepted - lately[0].accepted) / seconds, 3),
            round((ended - lately[0].ended) / seconds, 3),
            round(seconds, 3),
        )
