"""What only this queue does: it hears of silent holders, and lives on through the loss of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
from redis.asyncio import Redis

from notefly.adapters.redis import queue as adapter
from notefly.adapters.redis.queue import RedisQueue, open_queue
from notefly.domain.errors import Unavailable
from tests.contract.queueing import keys, ref
from tests.support.redis import Server, server
from tests.support.time import VirtualClock

pytestmark = pytest.mark.engines
SMS = frozenset({"sms"})
HOUR = 3_600_000
"""Milliseconds."""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def line() -> AsyncIterator["Redis"]:
    """A connection of the test's own, to an empty server."""
    async with Redis.from_url(server().url(1), decode_responses=True) as opened:
        await opened.flushdb()
        yield opened


def opened(clock: VirtualClock) -> AbstractAsyncContextManager[RedisQueue]:
    return open_queue(server().url(1), clock=clock)


async def received(queue: RedisQueue, rows: int = 1) -> list[int]:
    async with asyncio.timeout(10):
        return [int(one.batch) for one in await queue.receive(SMS, rows)]


async def test_what_a_silent_holder_has_is_given_to_another_one(
    line: "Redis", clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own clock counts here: a quarter of a second has to pass."""
    monkeypatch.setattr(adapter, "HOLD_SECONDS", 0.25)
    async with opened(clock) as other:
        async with opened(clock) as first:
            await first.offer([ref(1), ref(2)])
            assert await received(first, rows=2) == [1, 2]
        assert sorted([*await received(other), *await received(other)]) == [1, 2]
        await other.ack(keys(1, 2))
        assert await other.depth() == 0
        assert await leftovers(line) == {}


async def test_whoever_gives_signs_of_life_keeps_what_he_has(
    line: "Redis", clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(clock) as queue:
        await queue.offer([ref(1)])
        await received(queue)
        [(stream, entry, _)] = queue._held.values()
        await line.xclaim(stream, "workers", "all", 0, [entry], idle=HOUR)
        monkeypatch.setattr(adapter, "HOLD_SECONDS", 0.0)
        alive = asyncio.create_task(queue.keep())
        async with asyncio.timeout(10):
            while await silent_for(line, stream) >= HOUR:
                pass
        alive.cancel()
        await asyncio.wait([alive])


async def test_who_is_cancelled_ends_though_the_driver_keeps_that_to_itself(
    line: "Redis", clock: VirtualClock
) -> None:
    async with opened(clock) as queue:
        await queue.ready()
        asking = asyncio.create_task(queue.ready())
        await asyncio.sleep(0)
        assert asking.cancel()
        await asyncio.wait([asking])
        assert asking.cancelled()


async def test_whoever_comes_back_too_late_changes_nothing(
    line: "Redis", clock: VirtualClock
) -> None:
    async with opened(clock) as late, opened(clock) as other:
        await late.offer([ref(1)])
        await received(late)
        other._held.update(late._held)
        await other.nack(keys(1), 0)
        assert await received(other) == [1]
        await late.ack(keys(1))
        assert await other.depth() == 1
        await other.ack(keys(1))
        assert await leftovers(line) == {}


async def test_a_receiver_that_is_cancelled_in_the_middle_gives_back_what_it_was_given(
    line: "Redis", clock: VirtualClock
) -> None:
    async with opened(clock) as queue:
        await queue.offer([ref(1)])
        receiving = asyncio.ensure_future(queue.receive(SMS, 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.wait([receiving])
        assert receiving.cancelled()
        assert await received(queue) == [1]


async def test_neither_the_small_nor_the_large_starve(line: "Redis", clock: VirtualClock) -> None:
    async with opened(clock) as queue:
        await queue.offer([ref(n, message=1) for n in range(100)])
        await queue.offer([ref(n, message=n) for n in range(200, 300)])
        took = [batch for _ in range(40) for batch in await received(queue)]
        assert len([batch for batch in took if batch >= 200]) >= 20
        assert len([batch for batch in took if batch < 100]) >= 5


async def test_after_all_was_lost_it_goes_on_with_what_is_offered_again(
    line: "Redis", clock: VirtualClock
) -> None:
    async with opened(clock) as queue:
        await queue.offer([ref(1), ref(2)])
        await received(queue)
        await line.flushall()
        waiting = asyncio.ensure_future(received(queue, rows=2))
        await queue.ack(keys(1))
        assert await queue.depth() == 0
        await queue.offer([ref(1), ref(2)])
        taken = await waiting
        taken += await received(queue) if len(taken) < 2 else []
        assert sorted(taken) == [1, 2]


async def test_a_server_that_is_away_is_said_and_waited_for(clock: VirtualClock) -> None:
    own = Server()
    try:
        async with open_queue(own.url(), clock=clock) as queue:
            waiting = asyncio.ensure_future(received(queue))
            for asked in (queue.ready(), queue.offer([ref(1)]), queue.depth()):
                with pytest.raises(Unavailable, match="Redis cannot be reached"):
                    await asked
            await queue.ack(keys(1))
            await queue.nack(keys(1), 0.0)
            own.start()
            await queue.ready()
            await queue.offer([ref(1)])
            assert await waiting == [1]
            own.stop()
            await queue.ack(keys(1))
            own.start()
            await queue.offer([ref(2)])
            assert await received(queue) == [2]
    finally:
        own.remove()


async def silent_for(line: "Redis", stream: str) -> int:
    """Milliseconds."""
    [pending] = await line.xpending_range(stream, "workers", "-", "+", 1)
    return int(pending["time_since_delivered"])


async def leftovers(line: "Redis") -> dict[str, int]:
    """What a queue that kept nothing still occupies: entries of streams, fields of hashes."""
    size = {"stream": line.xlen, "hash": line.hlen, "zset": line.zcard}
    found = {str(key): await size[str(await line.type(key))](key) for key in await line.keys("*")}
    return {key: left for key, left in found.items() if left}
