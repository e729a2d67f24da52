"""A BatchStore that refuses what a test tells it to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from notefly.domain.batch import BatchRef, Claim, Report
from notefly.domain.ids import BatchKey, SubscriberKey
from notefly.ports.batch_store import BatchStore, Claims, Finished, Planned, Slice


@dataclass
class Troubled:
    """Raises the next of `troubles` of a verb, until there is none left."""

    right: BatchStore
    troubles: dict[str, list[Exception]] = field(default_factory=dict)

    def _trouble(self, verb: str) -> None:
        if self.troubles.get(verb):
            raise self.troubles[verb].pop()

    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        self._trouble("plan")
        return await self.right.plan(sizes, seconds)

    async def claim(
        self, refs: Sequence[BatchRef], worker: str, lease_seconds: float, at: datetime
    ) -> Claims:
        self._trouble("claim")
        return await self.right.claim(refs, worker, lease_seconds, at)

    async def hand_over(
        self, claims: Sequence[Claim], after: SubscriberKey, limit: int, at: datetime
    ) -> Sequence[Slice]:
        self._trouble("hand_over")
        return await self.right.hand_over(claims, after, limit, at)

    async def finish(self, reports: Sequence[Report]) -> Finished:
        self._trouble("finish")
        return await self.right.finish(reports)

    async def extend(self, claims: Sequence[Claim], lease_seconds: float) -> None:
        await self.right.extend(claims, lease_seconds)

    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        self._trouble("take_over")
        return await self.right.take_over(at)

    async def stop(self, at: datetime, limit: int) -> int:
        return await self.right.stop(at, limit)

    async def unfinished(self, after: BatchKey, limit: int) -> Sequence[BatchRef]:
        return await self.right.unfinished(after, limit)


def _meets(store: Troubled) -> BatchStore:
    return store
