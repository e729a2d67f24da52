"""Batches: planned, leased and recorded, each in one commit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from notefly.adapters.relational.claim import Claimer, stop_late
from notefly.adapters.relational.finish import Lost, RecordAlike, end, finish, held, ref_of
from notefly.adapters.relational.groups import Groups
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.plan import Planner
from notefly.adapters.relational.slices import Slicing
from notefly.adapters.relational.times import maybe_moment, micros
from notefly.adapters.relational.transaction import Database, Reading, Transaction
from notefly.adapters.relational.waiting import Watch, bring_forward
from notefly.domain.batch import BatchRef, Claim, Ending, Report
from notefly.domain.ids import BatchKey, MessageKey, SubscriberKey
from notefly.ports.batch_store import BatchStore, Claims, Finished, Planned, Slice
from notefly.ports.clock import Clock


class RelationalBatches:
    """See `BatchStore`. `lease_now` reads the clock of leases; None leaves it to the engine.

    `clock` is this process's own: what it is used for is to notice that it was set back.
    """

    def __init__(
        self,
        database: Database,
        channels: Names,
        kinds: Mapping[str, str],
        clock: Clock,
        lease_now: Callable[[], float | None],
        record_alike: RecordAlike,
    ) -> None:
        self._database = database
        self._channels = channels
        self._kinds = kinds
        self._lease_now = lease_now
        self._record_alike = record_alike
        self._planner = Planner()
        self._groups = Groups()
        self._monotonic = clock.monotonic
        self._watch = Watch()
        self._watch.set_back(clock.now(), clock.monotonic())

    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        await self._database.read(lambda reading: self._planner.look_ahead(reading, sizes))
        return await self._database.write(
            lambda transaction: self._planner.plan(transaction, sizes, seconds), urgent=False
        )

    async def claim(
        self, refs: Sequence[BatchRef], worker: str, lease_seconds: float, at: datetime
    ) -> Claims:
        # Urgent, so that it rides in the commit that records the last group.
        now = self._lease_now()
        return await self._database.write(
            lambda transaction: Claimer(transaction, worker, now, lease_seconds, at).claim(refs)
        )

    async def hand_over(
        self, claims: Sequence[Claim], after: SubscriberKey, limit: int, at: datetime
    ) -> Sequence[Slice]:
        return await self._database.read(
            lambda reading: Slicing(reading, self._groups, self._kinds, after, limit, at).slices(
                claims
            )
        )

    async def finish(self, reports: Sequence[Report]) -> Finished:
        return await self._database.write(
            lambda transaction: self.record(transaction, reports), urgent=False
        )

    def record(self, transaction: Transaction, reports: Sequence[Report]) -> Finished:
        """`finish`, inside a transaction."""
        return finish(transaction, self._channels, self._record_alike, reports)

    async def extend(self, claims: Sequence[Claim], lease_seconds: float) -> None:
        now = self._lease_now()
        held = [(now, lease_seconds, claim.batch, claim.token) for claim in claims]
        await self._database.write(lambda transaction: transaction.many("batches.extend", held))

    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        await self._database.end_standstills()
        return [*await self._sooner(at), *await self._expired(at)]

    async def _sooner(self, at: datetime) -> Sequence[BatchRef]:
        """Everything that waits, when the wall clock was set back since the last look."""
        back = self._watch.set_back(at, self._monotonic())
        if not back:
            return []

        def work(transaction: Transaction) -> Sequence[BatchRef]:
            keys = bring_forward(transaction, back, at)
            return [ref_of(transaction, self._channels, key) for key in keys]

        return await self._database.write(work, urgent=False)

    async def _expired(self, at: datetime) -> Sequence[BatchRef]:
        # Looked for by a reader, because it looks at everything that is open.
        now = (self._lease_now(),)
        expired = await self._database.read(lambda r: r.rows("batches.expired_leases", now))
        if not expired:
            return []
        return await self._database.write(
            lambda transaction: self.interrupt(
                transaction, _still(transaction, expired, *now), Ending.DIED, at
            ),
            urgent=False,
        )

    async def stop(self, at: datetime, limit: int) -> int:
        wanted = (micros(at), limit)
        found = await self._database.read(lambda r: r.rows("batches.to_stop", wanted))
        keys = [row[0] for row in found]
        if keys:
            await self._database.write(lambda t: stop_late(t, keys, at), urgent=False)
        return len(keys)

    async def unfinished(self, after: BatchKey, limit: int) -> Sequence[BatchRef]:
        def work(reading: Reading) -> Sequence[BatchRef]:
            if after:
                rows = reading.rows("batches.unfinished_next", (after, limit))
            else:
                rows = reading.rows("batches.unfinished_first", (limit,))
            return [
                BatchRef(
                    BatchKey(batch),
                    MessageKey(message),
                    self._channels.name(reading, channel),
                    left,
                    maybe_moment(due_at),
                )
                for batch, message, channel, left, due_at in rows
            ]

        return await self._database.read(work)

    def interrupt(
        self,
        transaction: Transaction,
        leased: Sequence[tuple[int, int]],
        ending: Ending,
        at: datetime,
    ) -> Sequence[BatchRef]:
        """End attempts that nobody reports, where they are still the newest."""
        refs: list[BatchRef] = []
        for key, number in leased:
            if (batch := held(transaction, BatchKey(key), number)) is not None:
                refs += end(transaction, self._channels, batch, Lost(ending, at))
        return refs


def _still(
    transaction: Transaction, expired: Sequence[tuple[int, int]], now: float | None
) -> Sequence[tuple[int, int]]:
    """Those whose lease was not kept in the meantime."""
    rows = transaction.rows(
        "batches.still_expired", (transaction.keys([key for key, _ in expired]), now)
    )
    return [(key, number) for key, number in rows]


def _meets(store: RelationalBatches) -> BatchStore:
    return store
