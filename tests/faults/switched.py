"""The channel that is down, and what the store says of the deliveries queued on it."""

from collections import Counter
from dataclasses import dataclass, field

from notefly.adapters.relational.rows import REASONS
from notefly.domain.delivery import Reason
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
    _dead: Counter[Reason] = field(default_factory=Counter)
    _before: str = "up"

    def waiting(self) -> int:
        return int(rows_of(self.place, WAITING)[0][0] or 0)

    def delivered(self) -> int:
        return int(rows_of(self.place, DELIVERED)[0][0] or 0)

    def deaths(self, way: str) -> tuple[int, int]:
        """How many since it was asked last, and how many of them being down does not explain.

        Whoever was tried to the last attempt may be dead, and whoever a process died on.
        """
        dead = Counter({REASONS[code]: number for code, number in rows_of(self.place, DEAD)})
        new = dead - self._dead
        explained = new[Reason.EXHAUSTED]
        if {way, self._before} & {*KILLING}:
            explained += new[Reason.POISON]
        self._dead, self._before = dead, way
        return new.total(), new.total() - explained


WAITING = "SELECT sum(size - delivered - dead - cancelled - moved) FROM batch WHERE state < 3"
DELIVERED = """
SELECT sum(b.delivered) FROM batch b JOIN channel c ON c.key = b.channel WHERE c.name = 'switched'
"""
DEAD = """
SELECT d.reason, count(*) FROM delivery d JOIN channel c ON c.key = d.channel
WHERE c.name = 'switched' AND d.state = 3 GROUP BY d.reason
"""
