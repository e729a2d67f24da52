"""A clock that stands still for a moment."""

from datetime import datetime

from notefly.ports.clock import Clock

MOMENT_SECONDS = 0.001


class Moment:
    """The time to the millisecond: what happens within one can be grouped by its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now = clock.now()
        self._read_at = clock.monotonic()

    def now(self) -> datetime:
        """At most a millisecond old."""
        at = self._clock.monotonic()
        if at - self._read_at >= MOMENT_SECONDS:
            self._now, self._read_at = self._clock.now(), at
        return self._now

    def monotonic(self) -> float:
        return self._clock.monotonic()
