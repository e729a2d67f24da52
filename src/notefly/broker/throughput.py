"""How fast it goes, from the counts of two moments."""

from collections import deque
from dataclasses import dataclass

from notefly.ports.clock import Clock

WINDOW_SECONDS = 60.0
SHORTEST_SECONDS = 0.5
MOST_SAMPLES = 240


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted at a moment."""

    at: float
    accepted: int
    ended: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Per second, over so many seconds; None until there are two moments to compare."""

    accepted: float | None
    ended: float | None
    over_seconds: float | None


class Throughput:
    """Remembers what was counted lately; costs nothing while nobody asks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)

    def counted(self, accepted: int, ended: int) -> Rate:
        """The rate since the oldest count of the last minute."""
        now = Sample(self._clock.monotonic(), accepted, ended)
        while self._samples and now.at - self._samples[0].at > WINDOW_SECONDS:
            self._samples.popleft()
        first = self._samples[0] if self._samples else now
        if not self._samples or now.at - self._samples[-1].at >= SHORTEST_SECONDS:
            self._samples.append(now)
        seconds = now.at - first.at
        if seconds < SHORTEST_SECONDS:
            return Rate(None, None, None)
        return Rate(
            round((now.accepted - first.accepted) / seconds, 3),
            round((now.ended - first.ended) / seconds, 3),
            round(seconds, 3),
        )
