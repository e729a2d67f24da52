"""The queue on servers that the tests share, each time on a stream of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count

from notefly.adapters.jetstream.link import open_link
from notefly.adapters.jetstream.queue import open_queue
from notefly.adapters.system import SystemClock
from tests.contract.queueing import Bench
from tests.support.nats import shared
from tests.support.time import VirtualClock

SECOND = 0.1
NAMES = count(1)


def stream_name() -> str:
    """Of a stream that nobody else has."""
    return f"TESTS-{next(NAMES)}"


Process = Callable[[], AbstractAsyncContextManager[Bench]]


def jetstream(
    nodes: int,
) -> Callable[[VirtualClock | None], AbstractAsyncContextManager[Process]]:
    """See `Place`. Unless a clock is given time really passes, as the server's is everybody's."""

    @asynccontextmanager
    async def place(given: VirtualClock | None) -> AsyncIterator[Process]:
        servers = await asyncio.to_thread(shared, nodes)
        clock, name = given or SystemClock(), stream_name()

        @asynccontextmanager
        async def process() -> AsyncIterator[Bench]:
            async with (
                open_link(servers.addresses) as link,
                open_queue(link, replicas=nodes, clock=clock, name=name) as queue,
            ):

                async def settle() -> None:
                    # Whoever was asked before these has answered before them.
                    for _ in range(3):
                        await link.streams().stream_info(name)

                yield Bench(queue, clock, asyncio.sleep, settle, SECOND)

        yield process
        async with open_link(servers.addresses) as link:
            await link.streams().delete_stream(name)

    return place
