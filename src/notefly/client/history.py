"""How much came in and went out lately, from counts that the broker takes every few seconds."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notefly.client.broker_api import Json

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
    """The last minutes, as the broker counted them. Only differences are looked at."""

    def __init__(self, counted: Sequence[Json]) -> None:
        self._samples = [
            Sample(datetime.fromisoformat(one["at"]), one["came"], one["ended"], one["waiting"])
            for one in counted
        ]

    @property
    def since(self) -> datetime | None:
        """When the oldest count was taken; None before there is one."""
        return self._samples[0].at if self._samples else None

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
        """Seconds since 1970, in and out per second up to then, and what waited then.

        The first moment repeats the rates that follow it, so that its step has a beginning.
        """
        pairs = [
            (one, two, (two.at - one.at).total_seconds())
            for one, two in zip(self._samples, self._samples[1:], strict=False)
            if two.at > one.at
        ]
        points = [
            (
                two.at.timestamp(),
                round((two.came - one.came) / seconds, 2),
                round((two.ended - one.ended) / seconds, 2),
                two.waiting,
            )
            for one, two, seconds in pairs
        ]
        if points:
            first = pairs[0][0]
            points.insert(0, (first.at.timestamp(), *points[0][1:3], first.waiting))
        return [[round(point[place], 2) for point in points] for place in range(4)]
