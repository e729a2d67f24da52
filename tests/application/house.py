"""The application over a real store, put together as the composition root does it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from notefly.adapters.inprocess.alone import Alone
from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.application.catalogue import Catalogue
from notefly.application.channels import SwitchChannel
from notefly.application.chaos import Chaos
from notefly.application.deliver import DeliverBatch
from notefly.application.doorbell import LaneBell, PlannerBell, ReconcilerBell
from notefly.application.engine import Bells, Engine
from notefly.application.lane import Tools, WorkerName
from notefly.application.lanes import Share
from notefly.application.log import QueryLog, Replay
from notefly.application.messages import Messages
from notefly.application.pace import Pace
from notefly.application.patience import Terms
from notefly.application.preview import PreviewMessage
from notefly.application.publish import PublishMessage
from notefly.application.retry import Judge
from notefly.application.room import Room
from notefly.application.seed import LoadMocks
from notefly.application.subscribers import SendTest, Subscribers
from notefly.domain.batch import Claim
from notefly.domain.chaos import Dials
from notefly.domain.delivery import MessageState, State
from notefly.domain.ids import MessageId, SubscriberId
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from notefly.domain.outcome import RetryPolicy
from notefly.ports.batch_store import Slice
from notefly.ports.channel import Channel
from notefly.ports.leadership import Leadership
from notefly.ports.work_queue import WorkQueue
from tests.support.channels import Scripted
from tests.support.pairs import IN_MEMORY, Pair
from tests.support.story import claim, join, logged, plan, publish, states, status
from tests.support.time import SilentMeter
from tests.support.world import CATEGORIES, World

QUICK = Terms(lease=60.0, deadline=0.05, trouble=0.001, busy=0.001)


def three() -> Mapping[str, Channel]:
    """The built-in names; SMS and push treat everybody alike, e-mail is called per recipient."""
    return {
        "sms": Scripted("sms", "phone", per_recipient=False),
        "email": Scripted("email", "email"),
        "push": Scripted("push", "push_token", per_recipient=False),
    }


def as_it_is(channel: Channel, _: Callable[[], Dials]) -> Channel:
    """Misbehaves not at all."""
    return channel


class Asked:
    """Leads once it is told to; counts how often it was asked."""

    def __init__(self) -> None:
        self.yes = False
        self.times = 0

    async def leads(self) -> bool:
        self.times += 1
        return self.yes


@dataclass
class House:
    """Every use case, and an engine that a test starts."""

    world: World
    channels: Mapping[str, Any] = field(default_factory=three)
    policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(attempts=3))
    most: int = 1_000_000
    leadership: Leadership = field(default_factory=Alone)
    given: WorkQueue | None = None
    """In place of the queue in this process."""

    def __post_init__(self) -> None:
        world, clock = self.world, self.world.clock
        self.clock = clock
        self.meter = SilentMeter()
        self.queue: WorkQueue = self.given or InProcessQueue(clock)
        self.bells = Bells(PlannerBell(), ReconcilerBell(Alone()), LaneBell(Alone()))
        self.pace = Pace(clock)
        self.judge = Judge(self.policy, clock.now, world.ids.fraction)
        self.catalogue = Catalogue(CATEGORIES, self.channels)
        self.publish = PublishMessage(
            world.messages,
            self.catalogue,
            clock,
            world.ids,
            self.pace,
            self.bells.planner,
            Room(world.backlog, self.most),
        )
        self.preview = PreviewMessage(self.publish, world.subscribers, self.catalogue, clock)
        self.subscribers = Subscribers(world.subscribers, self.catalogue, clock)
        self.test = SendTest(self.subscribers, self.publish)
        self.messages = Messages(world.messages, clock, self.bells.reconciler)
        self.log = QueryLog(world.deliveries, self.catalogue)
        self.replay = Replay(world.deliveries, self.queue, clock)
        self.switch = SwitchChannel(self.catalogue, world.control, self.bells.lanes)
        self.chaos = Chaos(as_it_is, "", frozenset(self.channels))
        self.mocks = LoadMocks(self.subscribers, world.figures, self.catalogue, ())

    def engine(self, terms: Terms = QUICK) -> Engine:
        world = self.world
        tools = Tools(
            world.batches,
            self.queue,
            self.pace,
            self.clock,
            self.meter,
            terms,
            WorkerName("w1"),
        )
        return Engine(
            tools,
            self.catalogue,
            self.judge,
            self.bells,
            world.control,
            world.events,
            self.mocks,
            self.leadership,
            Share(frozenset(self.channels)),
            self.chaos,
        )

    @asynccontextmanager
    async def running(self, terms: Terms = QUICK) -> AsyncIterator[Engine]:
        engine = self.engine(terms)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.stop()

    async def goal(self, body: str = "Goal!", **content: Any) -> MessageId:
        receipt = await self.publish.one(Content("sports", body, **content))
        return receipt.ids[0]

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Looked at after every commit."""
        async with asyncio.timeout(10):
            async for _ in self.world.events.watch():
                if await holds():
                    return

    async def done(self, message: MessageId, step: float = 0.0) -> dict[State, int]:
        """Wait until nothing is left to do for it; so much time passes between two looks."""

        async def over() -> bool:
            if step:
                self.advance(step)
            return (await status(self.world, message)).state is MessageState.DONE

        await self.until(over)
        return await states(self.world, message)

    async def reaches(self, message: MessageId, wanted: Mapping[State, int]) -> None:
        """Wait until its deliveries stand like that."""

        async def there() -> bool:
            found = await status(self.world, message)
            return {s: n for s, n in found.by_state.items() if n} == wanted

        await self.until(there)

    async def tried(self, message: MessageId, attempts: int) -> None:
        """Wait until its only delivery was told to wait for so many times."""

        async def there() -> bool:
            [line] = await logged(self.world, DeliveryFilter(message=message))
            return line.state is State.RETRYING and line.attempts == attempts

        await self.until(there)

    def advance(self, seconds: float) -> None:
        """Time passes, and the reconciler looks."""
        self.clock.advance(seconds)
        self.bells.reconciler.ring()


@asynccontextmanager
async def house_with(
    folder: Path, *channels: Channel, pair: Pair = IN_MEMORY, **changes: Any
) -> AsyncIterator[House]:
    """With these channels, or the three built-in names; `changes` replace ports."""
    async with pair.opened(folder) as (world, queue):
        by_name = {channel.name: channel for channel in channels}
        yield House(replace(world, **changes), by_name or three(), given=queue)


def delay_first_reading(house: House, leaver: str) -> None:
    """Everything stands still for a second after consent was read, and somebody leaves meanwhile.

    Readings after that are as quick as ever.
    """
    read = house.world.batches.hand_over

    async def read_slowly(*args: Any) -> Sequence[Slice]:
        parts = await read(*args)
        house.world.batches.hand_over = read  # type: ignore[method-assign]
        await house.world.subscribers.erase(SubscriberId(leaver), house.clock.now())
        house.clock.advance(1)
        return parts

    house.world.batches.hand_over = read_slowly  # type: ignore[assignment,method-assign]


def deliver(house: House, channel: Scripted, *, stopping: bool = False) -> DeliverBatch:
    """One channel's way of delivering, with ten milliseconds for a hand-over."""
    return DeliverBatch(
        channel, house.world.batches, house.judge, house.clock, 0.01, lambda: stopping
    )


async def begun(world: World, *names: str) -> tuple[MessageId, Claim]:
    """A message to them, its one batch claimed."""
    await join(world, *names)
    message = await publish(world)
    [claimed] = await claim(world, *await plan(world))
    return message, claimed
