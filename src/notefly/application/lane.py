"""A lane: the channels that are served together, so that a slow one holds up nobody else."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NewType, TypeVar

from notefly.application.alike import DeliverAlike
from notefly.application.deliver import DeliverBatch, failed
from notefly.application.doorbell import Doorbell
from notefly.application.pace import Pace
from notefly.application.patience import Terms, patiently
from notefly.application.trouble import Trouble
from notefly.domain.batch import BatchRef, Claim, Ending, Report
from notefly.domain.errors import NoteflyError
from notefly.domain.ids import BatchKey
from notefly.ports.batch_store import BatchStore, Finished
from notefly.ports.clock import Clock
from notefly.ports.meter import Meter
from notefly.ports.work_queue import WorkQueue

LOG = logging.getLogger(__name__)
T = TypeVar("T")
WorkerName = NewType("WorkerName", str)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker works with; `worker` is its name in the log of attempts."""

    batches: BatchStore
    queue: WorkQueue
    pace: Pace
    clock: Clock
    meter: Meter
    terms: Terms
    worker: WorkerName


class Lane:
    """Claims batches of its channels, delivers them, records what became of them."""

    def __init__(
        self,
        tools: Tools,
        deliver: Mapping[str, DeliverBatch | DeliverAlike],
        trouble: Trouble,
        reconciler: Doorbell,
    ) -> None:
        self._deliver = deliver
        self._reconciler = reconciler
        self._trouble = trouble
        self._batches = tools.batches
        self._queue = tools.queue
        self._pace = tools.pace
        self._clock = tools.clock
        self._meter = tools.meter
        self._terms = tools.terms
        self._worker = tools.worker
        self._open = frozenset(deliver)
        self._receiving: set[asyncio.Task[Sequence[BatchRef]]] = set()
        self._held: dict[int, Claim] = {}
        self._doubtful = False
        """The store refused the last claim, or did not answer for long."""
        self._calm = Doorbell()
        self.stopping = False

    def pause(self, paused: frozenset[str]) -> None:
        """From now on, and for whoever waits in the queue already."""
        wanted = frozenset(self._deliver) - paused
        if wanted != self._open:
            self._open = wanted
            self._look_again()

    def stop(self) -> None:
        """Finish the hand-over under way, record it, and return."""
        self.stopping = True
        self._calm.ring()
        self._look_again()

    async def run(self) -> None:
        """Until it is stopped. The next group is claimed in the commit that records the last."""
        claims: Sequence[Claim] = []
        try:
            while not self.stopping or claims:
                reports = await self._reports(claims)
                recording = asyncio.create_task(self._record(reports))
                claims = await self._claim()
                await recording
        except Exception:
            # Nobody works on them: were leases and hints kept, nobody else ever could.
            keys = [claim.batch for claim in claims]
            self._let_go(keys)
            await self._queue.nack(keys, self._terms.trouble)
            raise

    async def extend(self) -> None:
        """Keep the leases of what is being delivered."""
        if held := list(self._held.values()):
            await self._batches.extend(held, self._terms.lease)

    def _let_go(self, batches: Sequence[BatchKey]) -> None:
        for batch in batches:
            self._held.pop(batch, None)

    async def _claim(self) -> Sequence[Claim]:
        # Who is cut off from the store takes no hints: it could only hold them.
        refs = [] if self._doubtful else await self._receive()
        if not refs and (self.stopping or not self._doubtful):
            return []
        keys = [ref.batch for ref in refs]
        try:
            claimed = await self._patiently(
                keys,
                self._batches.claim(refs, self._worker, self._terms.lease, self._clock.now()),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the batches go back
            await self._queue.nack(keys, self._terms.trouble)
            await self._refused(error)
            return []
        self._doubtful = False
        self._trouble.over()
        await self._queue.ack(claimed.gone)
        await self._queue.nack(claimed.busy, self._terms.busy)
        self._held |= {claim.batch: claim for claim in claimed.claims}
        return claimed.claims

    async def _refused(self, error: Exception) -> None:
        if isinstance(error, NoteflyError):
            # The next batches in the queue would fare no better.
            self._doubt()
            self._trouble.met(error)
        else:
            LOG.warning("a claim failed: %r", error)
            if not self._doubtful:
                # The next batches in the queue may fare better; these come back in a while.
                return
        await self._calm.wait(self._terms.trouble)

    async def _receive(self) -> Sequence[BatchRef]:
        """Empty when it was woken to look again."""
        if self.stopping:
            return []
        rows = min([self._pace.deliveries, *(one.rows for one in self._deliver.values())])
        receiving = asyncio.ensure_future(self._queue.receive(self._open, rows))
        self._receiving.add(receiving)
        try:
            return await receiving
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return []
        finally:
            self._receiving.discard(receiving)

    async def _reports(self, claims: Sequence[Claim]) -> list[Report]:
        by_channel: dict[str, list[Claim]] = {}
        for claim in claims:
            by_channel.setdefault(claim.channel, []).append(claim)
        reports: list[Report] = []
        for channel, group in by_channel.items():
            began = self._clock.monotonic()
            try:
                reports += await self._deliver[channel].group(group)
            except Exception as error:
                # A bug must not hold up the lane.
                LOG.exception("batches on %s could not be delivered", channel)
                reports += [failed(claim, error, self._clock.now()) for claim in group]
            self._meter.attempt(channel, self._clock.monotonic() - began)
        return reports

    async def _record(self, reports: Sequence[Report]) -> None:
        """Until the store took it: an outcome is never dropped."""
        if not reports:
            return
        done = [report.claim.batch for report in reports]
        finished = None
        try:
            finished = await self._finish(reports)
        except Exception:
            if len(reports) > 1:
                # One of them undid the others: each for itself, then.
                for report in reports:
                    await self._record([report])
                return
            # A bug must not hold up the lane: nobody keeps this lease, so it is taken over.
            LOG.exception("batch %s could not be recorded", done)
            self._let_go(done)
            await self._queue.nack(done, self._terms.trouble)
        self._let_go(done)
        if finished is not None:
            handed = sum(report.claim.size for report in reports if report.handed)
            self._pace.measured(handed, finished.seconds)
            await self._give_back(done, self._later(reports, finished.refs))

    async def _give_back(self, done: Sequence[BatchKey], refs: Sequence[BatchRef]) -> None:
        """Recorded is recorded: what the queue does not hear now, the reconciler tells it."""
        try:
            await self._queue.ack(done)
            await self._queue.offer(refs)
        except Exception as error:
            if isinstance(error, NoteflyError):
                self._trouble.met(error)
            else:
                LOG.exception("the queue did not take back batches %s", done)
            self._reconciler.ring()

    def _later(self, reports: Sequence[Report], refs: Sequence[BatchRef]) -> Sequence[BatchRef]:
        """What trouble kept from being handed over is not tried at once."""
        due_at = self._clock.now() + timedelta(seconds=self._terms.trouble)
        troubled = {
            report.claim.batch
            for report in reports
            if report.ending is Ending.RELEASED and report.detail and not report.handed
        }
        return [replace(ref, due_at=due_at) if ref.batch in troubled else ref for ref in refs]

    async def _finish(self, reports: Sequence[Report]) -> Finished | None:
        done = [report.claim.batch for report in reports]
        while True:
            try:
                finished = await self._patiently(done, self._batches.finish(reports))
            except NoteflyError as error:
                self._trouble.met(error)
                if self.stopping:
                    return None
                # Who is cut off from the store must not hold in the queue what others take over.
                with suppress(NoteflyError):
                    await self._queue.nack(done, self._terms.trouble)
                await self._calm.wait(self._terms.trouble)
            else:
                self._trouble.over()
                return finished

    async def _patiently(self, batches: Sequence[BatchKey], work: Coroutine[Any, Any, T]) -> T:
        """Who waits for the store for long keeps no hints meanwhile."""

        async def given_up() -> None:
            self._doubt()
            with suppress(NoteflyError):
                await self._queue.nack(batches, self._terms.given_up)

        return await patiently(work, self._terms.patience, given_up)

    def _doubt(self) -> None:
        """Who waits in the queue for a hint would only hold it, as this one did."""
        self._doubtful = True
        self._look_again()

    def _look_again(self) -> None:
        for receiving in self._receiving:
            # One that is ending already gives back what it had; a second cancel would stop that.
            if not receiving.cancelling():
                receiving.cancel()
