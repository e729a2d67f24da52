"""The instrument: knows when deliveries became durable, without asking the store anything.

It stands at the port, where `finish` returns once its commit is durable.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from notefly.domain.batch import Report
from notefly.domain.ids import MessageId
from notefly.ports.batch_store import BatchStore, Finished
from notefly.ports.meter import Meter


@dataclass(slots=True)
class Ledger:
    """Durable deliveries over time, and when each message had its last one."""

    commits: int = 0
    commit_seconds: float = 0.0
    rows: int = 0
    recorded_in: set[int] = field(default_factory=set)
    batches_at: list[float] = field(default_factory=list)
    """When each batch was durable; in log mode each is an event."""
    steps: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    last_of: dict[MessageId, float] = field(default_factory=dict)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def finished(self, reports: Sequence[Report]) -> None:
        now = time.monotonic()
        self.recorded_in.add(self.commits)
        self.batches_at += [now] * len(reports)
        for report in reports:
            self.rows += sum(handed.size for handed in report.handed)
            self.last_of[report.claim.message.id] = now
        self.steps.append((now, self.rows))
        self._more.set()

    async def reach(self, rows: int) -> float:
        """When so many were durable."""
        while self.rows < rows:
            self._more.clear()
            await self._more.wait()
        return next(at for at, done in self.steps if done >= rows)

    async def first_batch(self) -> float:
        """When the first since they were forgotten was durable."""
        while not self.batches_at:
            self._more.clear()
            await self._more.wait()
        return self.batches_at[0]

    def rows_at(self, moment: float) -> int:
        """How many were durable by then."""
        return self.steps[bisect_right(self.steps, (moment, 2**62)) - 1][1]


@dataclass(frozen=True, slots=True)
class CountingMeter:
    """The product's meter, and a count of commits."""

    meter: Meter
    ledger: Ledger

    def commit(self, seconds: float, members: int) -> None:
        self.ledger.commits += 1
        self.ledger.commit_seconds += seconds
        self.meter.commit(seconds, members)

    def attempt(self, channel: str, seconds: float) -> None:
        self.meter.attempt(channel, seconds)


class CountingBatches:
    """The product's batches, each finish entered in the ledger; every other verb is the store's."""

    def __init__(self, batches: BatchStore, ledger: Ledger) -> None:
        self._batches = batches
        self._ledger = ledger

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._batches, verb)

    async def finish(self, reports: Sequence[Report]) -> Finished:
        finished = await self._batches.finish(reports)
        self._ledger.finished(reports)
        return finished


def counting(batches: BatchStore, ledger: Ledger) -> BatchStore:
    """A port may grow while its benchmark stays as it is."""
    return cast(BatchStore, CountingBatches(batches, ledger))


def _meets(meter: CountingMeter) -> Meter:
    return meter
