"""A work queue in PostgreSQL, for when no other is named.

Why it is made so: docs/decisions/0013-queue-in-postgresql.md. Known weaknesses: rows come and go,
so a transaction that stays open for long in the same server, whosever it is, keeps the dead ones,
and receiving slows down until it ends.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from asyncpg import Record

from notefly.adapters.postgres.asking import Asking, open_asking
from notefly.adapters.postgres.doors import Door, Doors
from notefly.adapters.postgres.store import server_clock
from notefly.adapters.relational.times import maybe_micros, maybe_moment
from notefly.domain.batch import BatchRef
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.clock import Clock
from notefly.ports.wakeups import Topic, Wakeups
from notefly.ports.work_queue import WorkQueue

T = TypeVar("T")
LOG = logging.getLogger(__name__)
SILENCE_SECONDS = 10.0
"""After which what somebody holds is handed out again; more than a lease lasts."""
KEEP_SECONDS = 4.0
"""Between two signs of life."""
POLL_SECONDS = 0.5
"""Between two looks, if nobody rings."""
GAP_SECONDS, IDLE_GAP_SECONDS = 0.02, 0.005
"""Between two looks, however often somebody rings; the second while somebody waits for batches."""
AT_ONCE = 1_000
"""Batches, of one statement."""


class SkipLockedQueue:
    """See `WorkQueue`. Made by `open_queue`."""

    def __init__(self, ask: Asking, *, clock: Clock, wakeups: Wakeups | None) -> None:
        self._ask = ask
        self._clock = clock
        self._wakeups = wakeups
        self._held: set[BatchKey] = set()
        self._kept_at = clock.monotonic()
        self._doors = Doors()
        self._stirred = asyncio.Event()
        self._errands: set[asyncio.Task[Any]] = set()
        if wakeups is not None:
            wakeups.listen(Topic.OFFERED, self._stirred.set)

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        # One statement cannot change a row twice: the last word counts.
        unlike = list({ref.batch: ref for ref in refs}.values())
        for first in range(0, len(unlike), AT_ONCE):
            await self._offer(unlike[first : first + AT_ONCE])

    async def receive(self, channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
        door = self._doors.at(channels)
        async with door.turn:
            while True:
                door.bell.clear()
                if refs := await self._undisturbed(self._take(door, channels, rows)):
                    return refs
                await door.bell.wait()

    async def ack(self, batches: Sequence[BatchKey]) -> None:
        if not batches:
            return
        self._held.difference_update(batches)
        with suppress(Unavailable):
            if await self._ask("ack", batches=batches):
                self._stirred.set()

    async def nack(self, batches: Sequence[BatchKey], delay_seconds: float) -> None:
        if not batches:
            return
        self._held.difference_update(batches)
        with suppress(Unavailable):
            await self._ask("nack", batches=batches, delay=delay_seconds)
            if delay_seconds < POLL_SECONDS:
                self._stirred.set()

    async def depth(self) -> int:
        [(count,)] = await self._ask("depth")
        return int(count)

    async def ready(self) -> None:
        await self._ask("ready")

    async def look(self) -> float:
        """Give turns to what is due, wake whoever can be served; seconds until the next look."""
        while len(await self._ask("promote", batches=AT_ONCE)) == AT_ONCE:
            pass
        [(ready, due_in)] = await self._ask("look", channels=self._doors.waiting())
        self._doors.ring(ready)
        # What somebody else held at that moment may be free by then.
        soon = 0.0 if ready else POLL_SECONDS
        return soon if due_in is None else min(soon, max(0.0, due_in))

    async def keep(self) -> None:
        """A sign of life for everything that is held here."""
        if self._held:
            await self._ask("keep", batches=list(self._held), silence=SILENCE_SECONDS)

    async def tend(self) -> None:
        """For as long as the queue is open."""
        while True:
            wait = POLL_SECONDS
            self._stirred.clear()
            try:
                await self._keep_at_times()
                wait = await self.look()
            except Unavailable:
                LOG.debug("the queue cannot be reached", exc_info=True)
            except Exception:
                LOG.exception("trouble with the queue; it goes on")
            await asyncio.sleep(IDLE_GAP_SECONDS if self._doors.waiting() else GAP_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stirred.wait()

    async def close(self) -> None:
        """Give back what is held."""
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self.nack(list(self._held), 0.0)

    async def _keep_at_times(self) -> None:
        now = self._clock.monotonic()
        if now - self._kept_at >= KEEP_SECONDS:
            await self.keep()
            self._kept_at = now

    async def _offer(self, refs: Sequence[BatchRef]) -> None:
        now = self._clock.now()
        dues = [ref.due_at for ref in refs]
        delays = [(due - now).total_seconds() if due is not None else 0.0 for due in dues]
        changed = await self._ask(
            "offer",
            batches=[ref.batch for ref in refs],
            messages=[ref.message for ref in refs],
            channels=[ref.channel for ref in refs],
            sizes=[ref.size for ref in refs],
            dues=[maybe_micros(due) for due in dues],
            delays=delays,
        )
        if changed:
            self._doors.ring(row[0] for row in changed)
            if self._wakeups is not None:
                self._wakeups.ring(Topic.OFFERED)

    async def _undisturbed(self, taking: Coroutine[Any, Any, list[BatchRef]]) -> list[BatchRef]:
        """Whoever asked may go away before the answer is there: then it is given back."""
        task = self._errand(taking)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._give_back)
            raise

    async def _take(self, door: Door, channels: frozenset[str], rows: int) -> list[BatchRef]:
        """What there is; nothing while the server is away."""
        try:
            found = await self._ask(
                "receive",
                channels=list(channels),
                batches=door.batches(rows, AT_ONCE),
                rows=rows,
                silence=SILENCE_SECONDS,
            )
        except Unavailable:
            return []
        refs = [_ref(row) for row in found]
        self._held.update(ref.batch for ref in refs)
        door.came(refs)
        return refs

    def _give_back(self, taken: "asyncio.Task[list[BatchRef]]") -> None:
        if not taken.cancelled() and taken.exception() is None and taken.result():
            _ = self._errand(self.nack([ref.batch for ref in taken.result()], 0.0))

    def _errand(self, errand: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task


def _ref(row: Record) -> BatchRef:
    batch, message, channel, size, due = row
    return BatchRef(BatchKey(batch), MessageKey(message), channel, size, maybe_moment(due))


@asynccontextmanager
async def open_queue(
    dsn: str,
    *,
    clock: Clock,
    wakeups: Wakeups | None = None,
    now: Callable[[], float | None] = server_clock,
) -> AsyncIterator[SkipLockedQueue]:
    """Connect, check and migrate as `open_store` does; raises StoreUnusable.

    With `wakeups` what is offered elsewhere is heard of at once, and without by looking.
    """
    async with open_asking(dsn, now) as ask:
        queue = SkipLockedQueue(ask, clock=clock, wakeups=wakeups)
        tending = asyncio.create_task(queue.tend())
        try:
            yield queue
        finally:
            tending.cancel()
            await asyncio.wait([tending])
            await queue.close()


def _meets(queue: SkipLockedQueue) -> WorkQueue:
    return queue
