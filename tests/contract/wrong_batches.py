"""BatchStores that each break one promise; they are made from a right one on SQLite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from typing_extensions import override

from notefly.adapters.relational.groups import Groups, Known
from notefly.adapters.sqlite.store import SqliteStore
from notefly.domain.batch import BatchRef, Claim, Ending, Report
from notefly.domain.ids import BatchKey, Epoch, SubscriberKey
from notefly.ports.batch_store import Claims, Finished, Planned, Slice
from tests.support.world import World


@dataclass
class WrongBatches:
    """Right, but for what a subclass breaks."""

    store: SqliteStore
    latest: dict[BatchKey, Claim] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> World:
        return replace(world, batches=cls(world.inside))

    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        return await self.store.batches.plan(sizes, seconds)

    async def claim(
        self, refs: Sequence[BatchRef], worker: str, lease_seconds: float, at: datetime
    ) -> Claims:
        claims = await self.store.batches.claim(refs, worker, lease_seconds, at)
        self.latest |= {claim.batch: claim for claim in claims.claims}
        return claims

    async def hand_over(
        self, claims: Sequence[Claim], after: SubscriberKey, limit: int, at: datetime
    ) -> Sequence[Slice]:
        return await self.store.batches.hand_over(claims, after, limit, at)

    async def finish(self, reports: Sequence[Report]) -> Finished:
        return await self.store.batches.finish(reports)

    async def extend(self, claims: Sequence[Claim], lease_seconds: float) -> None:
        await self.store.batches.extend(claims, lease_seconds)

    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        return await self.store.batches.take_over(at)

    async def stop(self, at: datetime, limit: int) -> int:
        return await self.store.batches.stop(at, limit)

    async def unfinished(self, after: BatchKey, limit: int) -> Sequence[BatchRef]:
        return await self.store.batches.unfinished(after, limit)

    async def sql(self, statement: str, *values: object) -> None:
        await self.store.database.write(lambda transaction: transaction.run(statement, values))


class NoFencing(WrongBatches):
    """Whoever reports is believed."""

    @override
    async def finish(self, reports: Sequence[Report]) -> Finished:
        believed = [replace(r, claim=self.latest.get(r.claim.batch, r.claim)) for r in reports]
        return await super().finish(believed)


class TwoCommits(WrongBatches):
    """Outcomes in one commit, the batch and its attempt in the next."""

    @override
    async def finish(self, reports: Sequence[Report]) -> Finished:
        refs: list[BatchRef] = []
        stale: list[BatchKey] = []
        for report in reports:
            early = replace(report, ending=Ending.RELEASED, handed=report.handed[:1])
            first = await super().finish([early if report.handed else report])
            stale += first.stale
            if not report.handed or first.stale:
                refs += first.refs
                continue
            again = await super().claim(first.refs[:1], "w1", 60.0, report.ended_at)
            for claim in again.claims:
                rest = replace(report, claim=claim, handed=report.handed[1:] or report.handed)
                refs += (await super().finish([rest])).refs
        return Finished(refs, stale)


class LateAudience(WrongBatches):
    """The choices are read when a message is planned, not when it was accepted."""

    @override
    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        await self.sql(
            "UPDATE message SET epoch = (SELECT value FROM meta WHERE name = 'epoch') "
            "WHERE key IN (SELECT message FROM unplanned)"
        )
        return await super().plan(sizes, seconds)


class PlansTwice(WrongBatches):
    """Every planning starts from the beginning."""

    @override
    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        planned = await super().plan(sizes, seconds)
        if not planned.refs:
            return planned
        await self.sql("INSERT INTO unplanned (message) SELECT ?", planned.refs[0].message)
        again = await super().plan(sizes, seconds)
        return Planned([*planned.refs, *again.refs], again.more)


class CountsAtTheEnd(WrongBatches):
    """An attempt gets its number when it is reported, so one that is lost leaves no trace."""

    @override
    async def claim(
        self, refs: Sequence[BatchRef], worker: str, lease_seconds: float, at: datetime
    ) -> Claims:
        claims = await super().claim(refs, worker, lease_seconds, at)
        for claim in claims.claims:
            await self.sql("UPDATE batch SET attempts = attempts - 1 WHERE key = ?", claim.batch)
            await self.sql(
                "DELETE FROM attempt WHERE batch = ? AND number = ?", claim.batch, claim.number
            )
        return claims

    @override
    async def finish(self, reports: Sequence[Report]) -> Finished:
        for report in reports:
            claim = report.claim
            await self.sql("UPDATE batch SET attempts = ? WHERE key = ?", claim.number, claim.batch)
            await self.sql(
                "INSERT OR IGNORE INTO attempt (batch, number, worker, claimed_at) "
                "VALUES (?, ?, 'w1', 0)",
                claim.batch,
                claim.number,
            )
        return await super().finish(reports)


class OldConsent(WrongBatches):
    """The choices at the claim are taken for those of the hand-over."""

    @override
    async def finish(self, reports: Sequence[Report]) -> Finished:
        old = [
            replace(r, handed=[replace(h, epoch=r.claim.message.epoch) for h in r.handed])
            for r in reports
        ]
        return await super().finish(old)


class OneMoment(Groups):
    """People as they were when they were first read."""

    @override
    def at(self, epoch: Epoch, undone: int) -> Known:
        return self._known


class NeverForgets(WrongBatches):
    """Whatever changes about people, it is not read again."""

    @classmethod
    @override
    def of(cls, world: World) -> World:
        world.inside.batches._groups = OneMoment()
        return super().of(world)


class SpendsOnInterruption(WrongBatches):
    """A try that was cut off counts against the budget."""

    @override
    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        refs = await super().take_over(at)
        for ref in refs:
            await self.sql("UPDATE batch SET spent = spent + 1 WHERE key = ?", ref.batch)
        return refs


class BelievesTheWallClock(WrongBatches):
    """A retry waits for its time, however far away the clock was set from it."""

    @override
    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        return await self.store.batches._expired(at)


WRONG: tuple[type[WrongBatches], ...] = (
    NoFencing,
    TwoCommits,
    LateAudience,
    PlansTwice,
    CountsAtTheEnd,
    OldConsent,
    NeverForgets,
    SpendsOnInterruption,
    BelievesTheWallClock,
)
