"""Rings between processes that share NATS."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from notefly.adapters.jetstream.link import open_link
from notefly.adapters.jetstream.wakeups import NatsWakeups
from notefly.ports.wakeups import Topic
from tests.jetstream.conftest import PATIENCE_SECONDS
from tests.support.jetstream import stream_name
from tests.support.nats import shared

pytestmark = pytest.mark.engines
FENCE = Topic.SWITCHED


class Ears:
    """What a process hears."""

    def __init__(self, wakeups: NatsWakeups) -> None:
        self.wakeups = wakeups
        self.heard: list[Topic] = []
        self._event = asyncio.Event()
        for topic in Topic:
            wakeups.listen(topic, lambda topic=topic: self._hear(topic))  # type: ignore[misc]

    async def next(self, topic: Topic) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while topic not in self.heard:
                self._event.clear()
                await self._event.wait()

    def _hear(self, topic: Topic) -> None:
        self.heard.append(topic)
        self._event.set()


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Ears, Ears]]:
    """Two processes; both are heard by the other already."""
    node = await asyncio.to_thread(shared, 1)
    prefix = stream_name()
    async with AsyncExitStack() as stack:
        links = [await stack.enter_async_context(open_link(node.addresses)) for _ in range(2)]
        mine, theirs = (Ears(NatsWakeups(link, prefix)) for link in links)
        for link in links:
            # Behind the subscription, on the same connection.
            await link.streams().account_info()
        yield mine, theirs


async def test_a_ring_is_heard_elsewhere_and_not_at_home(pair: tuple[Ears, Ears]) -> None:
    mine, theirs = pair
    mine.wakeups.ring(Topic.COMMITTED)
    await theirs.next(Topic.COMMITTED)
    theirs.wakeups.ring(FENCE)
    await mine.next(FENCE)
    assert mine.heard == [FENCE]
    assert theirs.heard == [Topic.COMMITTED]


async def test_what_is_rung_often_is_heard_a_few_times(pair: tuple[Ears, Ears]) -> None:
    mine, theirs = pair
    for _ in range(1_000):
        mine.wakeups.ring(Topic.OFFERED)
    mine.wakeups.ring(FENCE)
    await theirs.next(FENCE)
    assert theirs.heard == [Topic.OFFERED, FENCE]


async def test_after_a_pause_it_is_heard_again(pair: tuple[Ears, Ears]) -> None:
    mine, theirs = pair
    for topic in Topic:
        mine.wakeups.ring(topic)
        await theirs.next(topic)
    assert theirs.heard == list(Topic)
