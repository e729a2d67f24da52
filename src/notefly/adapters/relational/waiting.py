"""Retries wait until a time of the wall clock; they must not wait longer because it was set back.

`due_at` is wall time, so that it can be shown and outlives the process. What was set back is taken
off it, so that nobody waits longer than was asked for; a clock that was set forward needs nothing,
because the queue counts the seconds itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notefly.adapters.relational.times import micros
from notefly.adapters.relational.transaction import Transaction
from notefly.domain.ids import BatchKey

NOTICED_MICROS = 1_000_000
"""Less is what time synchronisation does every day; it adds up until it is noticed."""


@dataclass(slots=True)
class Watch:
    """Compares the wall clock with monotonic time, which nobody sets."""

    _apart: int | None = None

    def set_back(self, at: datetime, monotonic: float) -> int:
        """Microseconds by which the wall clock was set back since the last look, 0 mostly."""
        apart = micros(at) - int(monotonic * 1_000_000)
        known = apart if self._apart is None else self._apart
        if known - NOTICED_MICROS < apart < known:
            return 0
        self._apart = apart
        return max(0, known - apart)


def bring_forward(transaction: Transaction, back: int, at: datetime) -> Sequence[BatchKey]:
    """Take what the clock was set back off everything that waits; which batches that were."""
    scope = {"back": back, "now": micros(at)}
    return [BatchKey(row[0]) for row in transaction.rows("batches.bring_forward", scope)]
