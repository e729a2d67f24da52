"""The engine: plans, delivers and looks after what was left behind."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from notefly.application.catalogue import Catalogue
from notefly.application.chaos import Chaos
from notefly.application.doorbell import Doorbell, LaneBell, PlannerBell, ReconcilerBell
from notefly.application.lane import Tools
from notefly.application.lanes import Lanes, Share
from notefly.application.retry import Judge
from notefly.application.seed import LoadMocks
from notefly.application.trouble import Trouble
from notefly.domain.batch import BatchRef
from notefly.domain.errors import NoteflyError
from notefly.domain.ids import BatchKey
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl
from notefly.ports.leadership import Leadership

RECONCILE_SECONDS = 2.0
"""Between looks at expired leases, which are cheap."""
KEEP_SECONDS = 2.0
"""Between two times that leases are kept: a fraction of the shortest (`Terms.lease`)."""
REOFFER_EVERY = 5
"""Looks between two walks over everything unfinished: what a process had planned and did not come
to offer, because it was killed, waits as long."""
STOPPED_AT_ONCE = 20
"""Batches of stopped messages that are ended in one go: a publish does not wait for more."""
PAGE = 1_000
PAGES_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Bells:
    """What wakes the engine."""

    planner: PlannerBell
    reconciler: ReconcilerBell
    lanes: LaneBell


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
    chaos: Chaos
    _tick: Doorbell = field(default_factory=Doorbell, init=False)
    """Rung by nobody."""
    _trouble: Trouble = field(init=False)
    _lanes: Lanes = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    _leads: bool = field(default=False, init=False)
    """As it was asked last."""
    _owes: bool = field(default=False, init=False)
    """Something was not offered that should have been."""

    def __post_init__(self) -> None:
        self._trouble = Trouble(self.tools.clock)
        self._lanes = Lanes(
            self.tools,
            self.judge,
            self.bells.reconciler,
            self._trouble,
            self.chaos,
            [c for c in self.catalogue.channels.values() if c.name in self.share.channels],
            self.share.at_once,
        )

    async def start(self) -> None:
        """Fill the queue from the store, and begin."""
        await self.mocks()
        await self._obey_pauses()
        self._leads = await self.leadership.leads()
        if self._leads:
            await self._catch_up()
        self._lanes.start()
        loops = (self._plan, self._keep_leases, self._reconcile, self._watch_pauses)
        self._tasks += [asyncio.create_task(self._trouble.forever(loop)) for loop in loops]

    async def stop(self) -> None:
        """Finish the hand-overs under way and record them; what takes longer is taken over."""
        await self._lanes.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _plan(self) -> None:
        channels = self.catalogue.channels
        sizes = {name: channel.batch_size for name, channel in channels.items()}
        while True:
            planned = await self.tools.batches.plan(sizes, self.tools.pace.seconds)
            await self._offer(planned.refs)
            if not planned.more:
                await self.bells.planner.wait(RECONCILE_SECONDS)

    async def _offer(self, refs: Sequence[BatchRef]) -> None:
        """They are in the store: what the queue refuses, whoever leads offers once it does not."""
        try:
            await self.tools.queue.offer(refs)
        except NoteflyError:
            self.bells.reconciler.ring()
            raise

    async def _keep_leases(self) -> None:
        """A loop of its own: looking after a large backlog must not let them run out."""
        while True:
            await self._tick.wait(KEEP_SECONDS)
            await self._lanes.extend()

    async def _reconcile(self) -> None:
        """The reconciler: whatever the queue forgot or a worker dropped is offered again."""
        looks, walked = 0, BatchKey(0)
        while True:
            rung = await self.bells.reconciler.wait(RECONCILE_SECONDS)
            led, self._leads = self._leads, await self.leadership.leads()
            # Who begins to lead walks at once, and from the beginning: who led before may have died
            # before it offered.
            looks, walked = (looks + 1, walked) if led else (0, BatchKey(0))
            through = looks % REOFFER_EVERY == 0
            walked = await self._look(walked, rung=rung, through=through) if self._leads else walked

    async def _look(self, walked: BatchKey, *, rung: bool, through: bool) -> BatchKey:
        """One look at everybody's work; gives how far the walk over all of it has come."""
        # It was heard once and is not again: a look that fails goes on owing it.
        self._owes = self._owes or rung
        # Its own first: a process that stood still for long must not take over from itself.
        await self._lanes.extend()
        await self._offer(await self.tools.batches.take_over(self.tools.clock.now()))
        if rung or through:
            while await self.tools.batches.stop(self.tools.clock.now(), STOPPED_AT_ONCE):
                pass
            await self.events.forget(self.tools.clock.now())
        if self._owes:
            await self._catch_up()
        elif walked or through:
            return await self._offer_some(walked)
        return walked

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
        self._lanes.obey(await self.control.paused())
