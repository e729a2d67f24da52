"""How much came in and went out lately: counts taken while this console runs, kept in memory."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from notefly.client.broker_api import BrokerDown, BrokerLocked, BrokerRefused, Json
from notefly.client.queue_api import QueueApi

EVERY_SECONDS = 5.0
SPAN = timedelta(minutes=15)
WINDOWS = (timedelta(minutes=1), timedelta(minutes=5), SPAN)


@dataclass(frozen=True, slots=True)
class Sample:
    """Deliveries that ever came in and that ever ended, and those that waited, at a moment."""

    at: datetime
    came: int
    ended: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What came in and went out between two moments."""

    window: timedelta
    seconds: float
    came: int
    ended: int

    @property
    def whole(self) -> bool:
        """Whether all of the window was seen."""
        return self.seconds >= self.window.total_seconds() - 2 * EVERY_SECONDS


class History:
    """The last minutes. What came in is what ended and what waits, taken together.

    Only differences are looked at, so that what was before the first sample does not matter. Two
    calls are not one moment, so what came in is never less than it was.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._samples: deque[Sample] = deque()

    @property
    def since(self) -> datetime | None:
        """When the oldest sample was taken; None before there is one."""
        return self._samples[0].at if self._samples else None

    def add(self, queue: Json, stats: Json) -> None:
        """What the broker says now. A store that was changed for another begins anew."""
        now = self._clock()
        waiting = sum(one["deliveries_open"] for one in queue["items"])
        ended = sum(stats["deliveries"]["by_state"].values())
        if self._samples and ended < self._samples[-1].ended:
            self._samples.clear()
        before = self._samples[-1].came if self._samples else 0
        self._samples.append(Sample(now, max(before, ended + waiting), ended, waiting))
        while len(self._samples) > 1 and self._samples[1].at <= now - SPAN:
            self._samples.popleft()

    def flows(self) -> Iterator[Flow]:
        """For each window; shorter than it where not all of it was seen."""
        for window in WINDOWS if self._samples else ():
            last = self._samples[-1]
            after = [one.at for one in self._samples]
            place = min(bisect_left(after, last.at - window), len(after) - 1)
            first = self._samples[place]
            seconds = (last.at - first.at).total_seconds()
            yield Flow(window, seconds, last.came - first.came, last.ended - first.ended)

    def series(self) -> Sequence[Sequence[float]]:
        """Seconds since 1970, in and out per second up to then, and what waited then."""
        pairs = [
            (one, two, (two.at - one.at).total_seconds())
            for one, two in zip(self._samples, list(self._samples)[1:], strict=False)
            if two.at > one.at
        ]
        return [
            [round(two.at.timestamp(), 1) for _, two, _ in pairs],
            [round((two.came - one.came) / seconds, 2) for one, two, seconds in pairs],
            [round((two.ended - one.ended) / seconds, 2) for one, two, seconds in pairs],
            [two.waiting for _, two, _ in pairs],
        ]


async def keep(history: History, queue: QueueApi) -> None:
    """For ever. While the broker is away nothing is taken; the next sample covers that time."""
    while True:
        with suppress(BrokerDown, BrokerLocked, BrokerRefused):
            history.add(await queue.queue(), await queue.stats())
        await asyncio.sleep(EVERY_SECONDS)
