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

SECOND = 0.1
NAMES = count(1)


def stream_name() -> str:
    """Of a stream that nobody else has."""
    return f"TESTS-{next(NAMES)}"


def jetstream(nodes: int) -> Callable[[], AbstractAsyncContextManager[Bench]]:
    """As the contract suite wants it; the server's clock is everybody's, so it really passes."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Bench]:
        servers = await asyncio.to_thread(shared, nodes)
        clock, name = SystemClock(), stream_name()
        async with (
            open_link(servers.addresses) as link,
            open_queue(link, replicas=nodes, clock=clock, name=name) as queue,
        ):

            async def settle() -> None:
                # Whoever was asked before these has answered before them.
                for _ in range(3):
                    await link.streams().stream_info(name)

            yield Bench(queue, clock, asyncio.sleep, settle, SECOND)
            await link.streams().delete_stream(name)

    return opened
