"""How fast it goes: counts of every few seconds, for as long as pages look back."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from notefly.domain.delivery import State
from notefly.domain.errors import NoteflyError
from notefly.ports.clock import Clock
from notefly.ports.figures import Figures

log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0
SPAN_SECONDS = 15 * 60.0
WINDOW_SECONDS = 60.0
SHORTEST_SECONDS = 0.5


Ended = Mapping[tuple[str, State], int]
"""Deliveries that ended, by channel and state."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted at one time; only the differences between two of them mean anything.

    `came` is what ended and what waits, taken together: planned for somebody, or replayed.
    """

    accepted: int
    came: int
    by: Ended
    waiting: int

    @property
    def ended(self) -> int:
        return sum(self.by.values())


@dataclass(frozen=True, slots=True)
class Rate:
    """Per second, over so many seconds."""

    accepted: float
    by: Mapping[tuple[str, State], float]
    over_seconds: float

    @property
    def ended(self) -> float:
        return round(sum(self.by.values()), 3)


class Throughput:
    """The last minutes, kept in memory: it knows nothing of the time before this broker started."""

    def __init__(self, figures: Figures, clock: Clock) -> None:
        self._figures = figures
        self._clock = clock
        self._kept: deque[tuple[float, Counted]] = deque()
        """By moments of the monotonic clock."""

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
        now, counted = await self._look()
        self._kept.append((now, counted))
        while len(self._kept) > 1 and self._kept[1][0] <= now - SPAN_SECONDS:
            self._kept.popleft()

    async def history(self) -> Sequence[tuple[float, Counted]]:
        """What was counted so many seconds ago, oldest first, up to now."""
        now, counted = await self._look()
        kept = [(now - at, one) for at, one in self._kept if now - at >= SHORTEST_SECONDS]
        return [*kept, (0.0, counted)]

    async def _look(self) -> tuple[float, Counted]:
        """Three reads are not one moment: nothing comes in backwards."""
        accepted = await self._figures.messages()
        by = await self._figures.deliveries()
        waiting = sum(one.deliveries_open for one in await self._figures.channels())
        before = self._kept[-1][1].came if self._kept else 0
        came = max(before, sum(by.values()) + waiting)
        return self._clock.monotonic(), Counted(accepted, came, by, waiting)

    def rate(self, accepted: int, by: Ended) -> Rate | None:
        """Up to what is counted now, since the oldest count of the last minute; None until there
        are two moments to compare."""
        now = self._clock.monotonic()
        lately = [(at, one) for at, one in self._kept if now - at <= WINDOW_SECONDS]
        if not lately or now - lately[0][0] < SHORTEST_SECONDS:
            return None
        at, then = lately[0]
        seconds = now - at
        return Rate(
            round((accepted - then.accepted) / seconds, 3),
            {
                which: round((number - then.by.get(which, 0)) / seconds, 3)
                for which, number in by.items()
            },
            round(seconds, 3),
        )
