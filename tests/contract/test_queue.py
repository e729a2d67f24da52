import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.domain.batch import BatchRef
from notefly.domain.ids import BatchKey
from tests.contract import queueing
from tests.contract.queueing import Bench, QueueCheck, ref
from tests.support.queues import IN_PROCESS, QUEUES, QueueAdapter, turn_of_the_loop
from tests.support.time import VirtualClock

EVERY = [
    pytest.param(queue, id=queue.name, marks=[pytest.mark.engines] if queue.needs_server else [])
    for queue in QUEUES
]


@pytest.fixture(params=EVERY)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    queue: QueueAdapter = request.param
    async with queue.opened() as opened:
        yield opened


@pytest.mark.parametrize("check", queueing.queueing, ids=lambda check: check.__name__)
async def test_every_queue(bench: Bench, check: QueueCheck) -> None:
    await check(bench)


class Wrong:
    """A right queue, but for what a subclass breaks."""

    def __init__(self, right: InProcessQueue) -> None:
        self.right: Any = right

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


class ForgetsAtReceive(Wrong):
    """At most once: what a worker drops is lost."""

    async def receive(self, channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
        refs: Sequence[BatchRef] = await self.right.receive(channels, rows)
        await self.right.ack([ref.batch for ref in refs])
        return refs


class KeepsDoubles(Wrong):
    """Every offer is a piece of work of its own."""

    count = 0

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        for one in refs:
            self.count += 1_000_000
            await self.right.offer([replace(one, batch=BatchKey(self.count + one.batch))])


class Hurries(Wrong):
    """Nothing waits until it is due."""

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        await self.right.offer([replace(one, due_at=None) for one in refs])


class FirstComeFirstServed(Wrong):
    """A large message is served to its end."""

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        await self.right.offer([replace(one, message=ref(1).message) for one in refs])


@pytest.mark.parametrize("wrong", [ForgetsAtReceive, KeepsDoubles, Hurries, FirstComeFirstServed])
async def test_the_suite_notices_wrong_ones(
    wrong: type[Wrong], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "PATIENCE_SECONDS", 0.01)
    failed = []
    for check in queueing.queueing:
        async with IN_PROCESS.opened() as right:
            try:
                await check(replace(right, queue=wrong(right.queue)))  # type: ignore[arg-type]
            except (AssertionError, TimeoutError, KeyError):
                failed.append(check)
    assert failed


async def test_waiting_ends_by_itself_when_something_is_due() -> None:
    """The one place where real time counts: a receiver that waits for a delayed batch."""
    clock = VirtualClock()
    queue = InProcessQueue(clock)
    await queue.offer([ref(1)])
    await queue.receive(frozenset({"sms"}), 1)
    await queue.nack([BatchKey(1)], 0.01)
    waiting = asyncio.ensure_future(queue.receive(frozenset({"sms"}), 1))
    await turn_of_the_loop()
    clock.advance(0.01)
    async with asyncio.timeout(5):
        assert [one.batch for one in await waiting] == [1]
