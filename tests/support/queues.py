"""The queues there are: a place on a server, and what a process opens there again and again."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.postgres.queue import open_queue
from tests.contract.queueing import Bench
from tests.support.jetstream import jetstream
from tests.support.redis import redis_streams
from tests.support.server import database_for
from tests.support.time import VirtualClock

Process = Callable[[], AbstractAsyncContextManager[Bench]]
"""Opens the queue of one place: what it keeps beyond a process is there the next time."""
Place = Callable[[VirtualClock | None], AbstractAsyncContextManager[Process]]
"""Empty; without a clock the queue takes one on which its checks can let time pass."""


@dataclass(frozen=True)
class QueueAdapter:
    """A queue by name."""

    name: str
    place: Place
    needs_server: bool = True

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Bench]:
        """For one process only, with a clock of its own."""
        async with self.place(None) as process, process() as bench:
            yield bench


async def turn_of_the_loop() -> None:
    """Nothing in this process waits for anything else."""
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def in_process(given: VirtualClock | None) -> AsyncIterator[Process]:
    clock = given or VirtualClock()

    async def passes(seconds: float) -> None:
        clock.advance(seconds)

    @asynccontextmanager
    async def process() -> AsyncIterator[Bench]:
        yield Bench(InProcessQueue(clock), clock, passes, turn_of_the_loop)

    yield process


@asynccontextmanager
async def skip_locked(given: VirtualClock | None) -> AsyncIterator[Process]:
    clock = given or VirtualClock()
    with tempfile.TemporaryDirectory() as folder:
        dsn = await database_for(Path(folder))

        @asynccontextmanager
        async def process() -> AsyncIterator[Bench]:
            async with open_queue(dsn, clock=clock, now=clock.monotonic) as queue:

                async def passes(seconds: float) -> None:
                    clock.advance(seconds)
                    await queue.look()

                async def settle() -> None:
                    """Whoever asked was answered, looked again, and was answered."""
                    for _ in range(3):
                        await turn_of_the_loop()
                        await queue.look()

                yield Bench(queue, clock, passes, settle)

        yield process


IN_PROCESS = QueueAdapter("in-process", in_process, needs_server=False)
SKIP_LOCKED = QueueAdapter("skip-locked", skip_locked)
JETSTREAM = QueueAdapter("jetstream", jetstream(1))
JETSTREAM_CLUSTER = QueueAdapter("jetstream-cluster", jetstream(3))
REDIS = QueueAdapter("redis", redis_streams)
QUEUES = (IN_PROCESS, SKIP_LOCKED, JETSTREAM, JETSTREAM_CLUSTER, REDIS)
"""Another queue is added here: the contract suite takes it up by itself."""
