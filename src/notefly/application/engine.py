"""The engine: plans, delivers and looks after what was left behind."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from notefly.application.alike import DeliverAlike
from notefly.application.catalogue import Catalogue
from notefly.application.deliver import DeliverBatch
from notefly.application.doorbell import Doorbell, LaneBell, PlannerBell, ReconcilerBell
from notefly.application.lane import Lane, Tools
from notefly.application.moment import Moment
from notefly.application.retry import Judge
from notefly.application.seed import LoadMocks
from notefly.application.trouble import Trouble
from notefly.domain.errors import NoteflyError
from notefly.domain.ids import BatchKey
from notefly.ports.channel import Channel
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl
from notefly.ports.leadership import Leadership

LOG = logging.getLogger(__name__)
RECONCILE_SECONDS = 2.0
"""Between looks at expired leases, which are cheap."""
KEEP_SECONDS = 2.0
"""Between two times that leases are kept: a fraction of the shortest (`Terms.lease`)."""
REOFFER_EVERY = 5
"""Looks between two walks over everything unfinished: what a process had planned and did not come
to offer, because it was killed, waits as long."""
PUMPS = 2
"""Groups under way in a lane that treats everybody alike: one is recorded, one is made ready."""
IN_FLIGHT = 4
"""Batches under way at once on a channel that is called."""
STOPPED_AT_ONCE = 20
"""Batches of stopped messages that are ended in one go: a publish does not wait for more."""
PAGE = 1_000
PAGES_AT_ONCE = 10
DRAIN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Bells:
    """What wakes the engine."""

    planner: PlannerBell
    reconciler: ReconcilerBell
    lanes: LaneBell


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the delivering this process does."""

    channels: frozenset[str]
    at_once: int = IN_FLIGHT
    """Batches under way at once on each channel that is called."""


@dataclass(slots=True)
class Engine:
    """Everything that happens after a 202, in this process.

    Every process plans, delivers its share and keeps its own leases; what concerns all of them the
    leader does.
    """

    tools: Tools
    catalogue: Catalogue
    judge: Judge
    bells: Bells
    control: ChannelControl
    events: EventLog
    mocks: LoadMocks
    leadership: Leadership
    share: Share
    _tick: Doorbell = field(default_factory=Doorbell, init=False)
    """Rung by nobody."""
    _moment: Moment = field(init=False)
    _trouble: Trouble = field(init=False)
    _lanes: list[tuple[Lane, int]] = field(init=False)
    _pumping: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    _stopping: bool = field(default=False, init=False)
    _leads: bool = field(default=False, init=False)
    """As it was asked last."""
    _owes: bool = field(default=False, init=False)
    """Something was not offered that should have been."""

    def __post_init__(self) -> None:
        self._moment = Moment(self.tools.clock)
        self._trouble = Trouble(self.tools.clock)
        mine = [c for c in self.catalogue.channels.values() if c.name in self.share.channels]
        self._lanes = [self._lane(group) for group in _grouped(mine)]

    async def start(self) -> None:
        """Fill the queue from the store, and begin."""
        await self.mocks()
        await self._obey_pauses()
        self._leads = await self.leadership.leads()
        if self._leads:
            await self._catch_up()
        for lane, pumps in self._lanes:
            self._pumping += [asyncio.create_task(self._forever(lane.run)) for _ in range(pumps)]
        loops = (self._plan, self._keep_leases, self._reconcile, self._watch_pauses)
        self._tasks += [asyncio.create_task(self._forever(loop)) for loop in loops]

    async def stop(self) -> None:
        """Finish the hand-overs under way and record them; what takes longer is taken over."""
        self._stopping = True
        for lane, _ in self._lanes:
            lane.stop()
        if self._pumping:
            await asyncio.wait(self._pumping, timeout=DRAIN_SECONDS)
        for task in (*self._pumping, *self._tasks):
            task.cancel()
        await asyncio.gather(*self._pumping, *self._tasks, return_exceptions=True)

    def _lane(self, channels: Sequence[Channel]) -> tuple[Lane, int]:
        deliver = {channel.name: self._deliver(channel) for channel in channels}
        lane = Lane(self.tools, deliver, self._trouble, self.bells.reconciler)
        return lane, self.share.at_once if channels[0].per_recipient else PUMPS

    def _deliver(self, channel: Channel) -> DeliverBatch | DeliverAlike:
        tools, deadline = self.tools, self.tools.terms.deadline
        if not channel.per_recipient:
            return DeliverAlike(channel, tools.batches, self.judge, self._moment, deadline)
        return DeliverBatch(
            channel, tools.batches, self.judge, tools.clock, deadline, lambda: self._stopping
        )

    async def _plan(self) -> None:
        channels = self.catalogue.channels
        sizes = {name: channel.batch_size for name, channel in channels.items()}
        while True:
            planned = await self.tools.batches.plan(sizes, self.tools.pace.seconds)
            try:
                await self.tools.queue.offer(planned.refs)
            except NoteflyError:
                # It is planned: whoever leads offers it, once the queue can be reached.
                self.bells.reconciler.ring()
                raise
            if not planned.more:
                await self.bells.planner.wait(RECONCILE_SECONDS)

    async def _keep_leases(self) -> None:
        """A loop of its own: looking after a large backlog must not let them run out."""
        while True:
            await self._tick.wait(KEEP_SECONDS)
            await self._extend()

    async def _extend(self) -> None:
        for lane, _ in self._lanes:
            await lane.extend()

    async def _reconcile(self) -> None:
        """The reconciler: whatever the queue forgot or a worker dropped is offered again."""
        looks, walked = 0, BatchKey(0)
        while True:
            rung = await self.bells.reconciler.wait(RECONCILE_SECONDS)
            led, self._leads = self._leads, await self.leadership.leads()
            # Who begins to lead walks at once: who led before may have died before it offered.
            looks = looks + 1 if led else 0
            through = looks % REOFFER_EVERY == 0
            walked = await self._look(walked, rung=rung, through=through) if self._leads else walked

    async def _look(self, walked: BatchKey, *, rung: bool, through: bool) -> BatchKey:
        """One look at everybody's work; gives how far the walk over all of it has come."""
        # Its own first: a process that stood still for long must not take over from itself.
        await self._extend()
        await self.tools.queue.offer(await self.tools.batches.take_over(self.tools.clock.now()))
        self._owes = self._owes or rung
        if rung or through:
            while await self.tools.batches.stop(self.tools.clock.now(), STOPPED_AT_ONCE):
                pass
            await self.events.forget(self.tools.clock.now())
        if self._owes:
            await self._catch_up()
        elif walked or through:
            return await self._offer_some(walked)
        return walked

    async def _forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        """A loop that a passing trouble must not end; it returns when the loop does."""
        while True:
            try:
                await loop()
            except asyncio.CancelledError:
                raise
            except NoteflyError as error:
                self._trouble.met(error)
            except Exception:
                LOG.exception("trouble in %s; it goes on in a second", loop.__qualname__)
            else:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asyncio.Event().wait()

    async def _catch_up(self) -> None:
        """Offer everything unfinished at once; if something is in the way, at the next look."""
        self._owes, after = True, BatchKey(0)
        try:
            while refs := await self.tools.batches.unfinished(after, PAGE):
                await self.tools.queue.offer(refs)
                after = refs[-1].batch
        except NoteflyError as error:
            self._trouble.met(error)
        else:
            self._owes = False

    async def _offer_some(self, after: BatchKey) -> BatchKey:
        """A few pages from there on: a backlog of a million is walked through without haste."""
        for _ in range(PAGES_AT_ONCE):
            refs = await self.tools.batches.unfinished(after, PAGE)
            await self.tools.queue.offer(refs)
            if len(refs) < PAGE:
                return BatchKey(0)
            after = refs[-1].batch
        return after

    async def _watch_pauses(self) -> None:
        while True:
            await self.bells.lanes.wait(RECONCILE_SECONDS)
            await self._obey_pauses()

    async def _obey_pauses(self) -> None:
        paused = await self.control.paused()
        for lane, _ in self._lanes:
            lane.pause(paused)


def _grouped(channels: Iterable[Channel]) -> list[list[Channel]]:
    """Channels that treat everybody alike share a lane; one that is called has its own."""
    every = list(channels)
    alike = [channel for channel in every if not channel.per_recipient]
    return ([alike] if alike else []) + [[c] for c in every if c.per_recipient]
