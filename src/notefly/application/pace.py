"""How large a transaction may be: small messages must not wait behind a broadcast."""

from notefly.ports.clock import Clock

BUSY_SECONDS = 0.0015
"""Work per transaction while many publish: each waits for one at most."""
SELDOM_SECONDS = 0.008
"""And while few do: the commit of each transaction costs a broadcast as much as work in it."""
PART_OF_GAP = 1 / 8
"""In between, of the time from one publish to the next."""
CALM_SECONDS = 0.040
"""And while nobody does: large enough that the commit does not count."""
RECENT_SECONDS = 1.0
SMOOTHING = 0.2
FIRST_GUESS = 2e-6
"""Seconds a delivery costs, until one was measured."""


class Pace:
    """Follows the clock: how long a transaction may take, and how many deliveries that is."""

    def __init__(
        self,
        clock: Clock,
        busy_seconds: float = BUSY_SECONDS,
        calm_seconds: float = CALM_SECONDS,
    ) -> None:
        """The defaults are for a store with one writer, where a publish waits for the others."""
        self._clock = clock
        self._busy_seconds = busy_seconds
        self._calm_seconds = calm_seconds
        self._published_at = float("-inf")
        self._traffic_at = float("-inf")
        self._gap_seconds = 0.0
        self._seconds_per_delivery = FIRST_GUESS

    def published(self) -> None:
        """Somebody waits for a commit: keep transactions short for a while.

        One publish alone is no traffic: what it leads to is the work.
        """
        now = self._clock.monotonic()
        gap = now - self._published_at
        if gap <= RECENT_SECONDS:
            self._traffic_at = now
            self._gap_seconds += SMOOTHING * (gap - self._gap_seconds)
        else:
            self._gap_seconds = 0.0
        self._published_at = now

    @property
    def seconds(self) -> float:
        """What a transaction may take."""
        if self._clock.monotonic() - self._traffic_at > RECENT_SECONDS:
            return self._calm_seconds
        return max(self._busy_seconds, min(SELDOM_SECONDS, self._gap_seconds * PART_OF_GAP))

    @property
    def deliveries(self) -> int:
        """How many deliveries fit in it."""
        return max(1, int(self.seconds / self._seconds_per_delivery))

    def measured(self, deliveries: int, seconds: float) -> None:
        """Learn from a transaction that recorded so many.

        One that was far from full, and in time all the same, says nothing: most of what a small
        message costs is the commit, and a broadcast behind it must not go in small pieces.
        """
        if not deliveries or (2 * deliveries < self.deliveries and seconds < self.seconds):
            return
        cost = seconds / deliveries
        self._seconds_per_delivery += SMOOTHING * (cost - self._seconds_per_delivery)
