"""Queues as processes open them, on servers that these tests may hurt, or on the shared ones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from notefly.adapters.jetstream.link import NatsLink, open_link
from notefly.adapters.jetstream.queue import JetStreamQueue, open_queue
from notefly.adapters.system import SystemClock
from tests.support.jetstream import stream_name
from tests.support.nats import Servers, servers, shared

PATIENCE_SECONDS = 40.0
SMS = frozenset({"sms"})
FORGETFUL = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <function StreamWriter:pytest.PytestUnraisableExceptionWarning"
)
"""The driver does not close the connections that it gives up while it tries the next server."""


@dataclass(frozen=True)
class Process:
    """One that uses the queue."""

    link: NatsLink
    queue: JetStreamQueue

    async def take(self, rows: int = 1) -> list[int]:
        """What must be there, or come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [int(ref.batch) for ref in await self.queue.receive(SMS, rows)]

    async def take_all(self, batches: int) -> list[int]:
        taken: list[int] = []
        while len(taken) < batches:
            taken += await self.take(rows=batches)
        return sorted(taken)


Opens = Callable[..., AbstractAsyncContextManager[Process]]


def opens(on: Servers, replicas: int, name: str) -> Opens:
    @asynccontextmanager
    async def opened(ack_wait: float = 12.0) -> AsyncIterator[Process]:
        async with (
            open_link(on.addresses, monitoring_port=on.nodes[0].monitor) as link,
            open_queue(
                link, replicas=replicas, clock=SystemClock(), name=name, ack_wait=ack_wait
            ) as queue,
        ):
            yield Process(link, queue)

    return opened


@pytest.fixture
def name() -> str:
    return stream_name()


@pytest.fixture
async def process(name: str) -> Opens:
    """On the node that all tests share."""
    return opens(await asyncio.to_thread(shared, 1), 1, name)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Servers]:
    """One of this test's own."""
    started = servers(1, tmp_path).start()
    try:
        await started.healthy()
        yield started
    finally:
        started.end()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Servers]:
    """Three of this test's own."""
    started = servers(3, tmp_path).start()
    try:
        await started.healthy()
        yield started
    finally:
        started.end()
