"""The channel that is down, and what the store says of the deliveries queued on it."""

from dataclasses import dataclass

from tests.faults.product import Place
from tests.faults.witnesses import rows_of

DOWN = "switched"
WAYS = ("retry", "raise", "exit", "hang", "pause")
KILLING = ("exit", "hang")
"""These cost the channel's process its life: what kills it again and again is taken for poison."""


@dataclass(slots=True)
class Backlog:
    """Asked after each way of being down."""

    place: Place
    _dead: int = 0
    _before: str = "up"

    def waiting(self) -> int:
        return int(rows_of(self.place, WAITING)[0][0] or 0)

    def ended(self) -> tuple[int, int]:
        """Delivered and dead."""
        delivered, dead = rows_of(self.place, ENDED)[0]
        return int(delivered or 0), int(dead or 0)

    def deaths(self, way: str) -> tuple[int, bool]:
        """How many since it was asked last, and whether this way or the one before explains it."""
        dead = self.ended()[1]
        new, explained = dead - self._dead, way in KILLING or self._before in KILLING
        self._dead, self._before = dead, way
        return new, explained


WAITING = "SELECT sum(size - delivered - dead - cancelled - moved) FROM batch WHERE state < 3"
ENDED = """
SELECT sum(b.delivered), sum(b.dead) FROM batch b JOIN channel c ON c.key = b.channel
WHERE c.name = 'switched'
"""
