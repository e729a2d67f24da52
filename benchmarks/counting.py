"""The instrument: knows when deliveries became durable, without asking the store anything.

It stands at the port, where `finish` returns once its commit is durable.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notefly.domain.batch import BatchRef, Claim, Report
from notefly.domain.ids import BatchKey, MessageId, SubscriberKey
from notefly.ports.batch_store import BatchStore, Claims, Finished, Planned, Slice
from notefly.ports.meter import Meter


@dataclass(slots=True)
class Ledger:
    """Durable deliveries over time, and when each message had its last one."""

    commits: int = 0
    commit_seconds: float = 0.0
    rows: int = 0
    recorded_in: set[int] = field(default_factory=set)
    steps: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    last_of: dict[MessageId, float] = field(default_factory=dict)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def finished(self, reports: Sequence[Report]) -> None:
        now = time.monotonic()
        self.recorded_in.add(self.commits)
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


@dataclass(frozen=True, slots=True)
class CountingBatches:
    """The product's batches, each finish entered in the ledger."""

    batches: BatchStore
    ledger: Ledger

    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        return await self.batches.plan(sizes, seconds)

    async def claim(
        self, refs: Sequence[BatchRef], worker: str, lease_seconds: float, at: datetime
    ) -> Claims:
        return await self.batches.claim(refs, worker, lease_seconds, at)

    async def hand_over(
        self, claim: Claim, after: SubscriberKey, limit: int, at: datetime
    ) -> Slice:
        return await self.batches.hand_over(claim, after, limit, at)

    async def finish(self, reports: Sequence[Report]) -> Finished:
        finished = await self.batches.finish(reports)
        self.ledger.finished(reports)
        return finished

    async def extend(self, claims: Sequence[Claim], lease_seconds: float) -> None:
        await self.batches.extend(claims, lease_seconds)

    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        return await self.batches.take_over(at)

    async def stop(self, at: datetime, limit: int) -> int:
        return await self.batches.stop(at, limit)

    async def unfinished(self, after: BatchKey, limit: int) -> Sequence[BatchRef]:
        return await self.batches.unfinished(after, limit)


def _meets(batches: CountingBatches, meter: CountingMeter) -> tuple[BatchStore, Meter]:
    return batches, meter
