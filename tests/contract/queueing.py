"""What every WorkQueue does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain

from notefly.domain.batch import BatchRef
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.clock import Clock
from notefly.ports.work_queue import WorkQueue

PATIENCE_SECONDS = 5.0
"""Only a wrong queue lets a test wait so long."""
EVERY = frozenset({"sms", "email"})


@dataclass(frozen=True)
class Bench:
    """A queue, its clock, how to let time pass for it, and how to let it come to rest."""

    queue: WorkQueue
    clock: Clock
    passes: Callable[[float], Awaitable[None]]
    """So many of its seconds."""
    settle: Callable[[], Awaitable[None]]
    second: float = 1.0
    """A second of these checks, in seconds: a server's clock cannot be moved, so it is shorter."""

    async def wait(self, seconds: float) -> None:
        await self.passes(seconds * self.second)

    def due(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds * self.second)

    async def take(self, rows: int = 1, channels: frozenset[str] = EVERY) -> list[int]:
        """Receive something that must be there."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return [int(ref.batch) for ref in await self.queue.receive(channels, rows)]

    async def holds(self, batches: int) -> bool:
        """Whether so many are in it, once servers have told each other of what was acked."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await self.queue.depth() != batches:
                    await self.settle()
        return await self.queue.depth() == batches

    async def nothing(self, channels: frozenset[str] = EVERY) -> bool:
        """Whether a receiver has to wait."""
        waiting = asyncio.ensure_future(self.queue.receive(channels, 1))
        await self.settle()
        if waiting.done():
            return False
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()


QueueCheck = Callable[[Bench], Awaitable[None]]
queueing: list[QueueCheck] = []


def check(function: QueueCheck) -> QueueCheck:
    queueing.append(function)
    return function


def ref(batch: int, message: int = 1, channel: str = "sms", size: int = 1) -> BatchRef:
    return BatchRef(BatchKey(batch), MessageKey(message), channel, size)


def keys(*batches: int) -> Sequence[BatchKey]:
    return [BatchKey(batch) for batch in batches]


@check
async def what_is_offered_is_received_once(bench: Bench) -> None:
    await bench.queue.offer([ref(1), ref(2)])
    assert sorted(await bench.take(rows=10)) == [1, 2]
    assert await bench.nothing()
    assert await bench.holds(2)


@check
async def what_is_there_already_is_kept_once(bench: Bench) -> None:
    await bench.queue.offer([ref(1), ref(1)])
    await bench.queue.offer([ref(1)])
    assert await bench.holds(1)
    assert await bench.take(rows=10) == [1]
    assert await bench.nothing()


@check
async def an_ack_deletes(bench: Bench) -> None:
    await bench.queue.offer([ref(1), ref(2)])
    await bench.take(rows=10)
    await bench.queue.ack(keys(1, 7))
    assert await bench.holds(1)
    await bench.queue.ack(keys(2))
    assert await bench.holds(0)
    assert await bench.nothing()


@check
async def a_nack_gives_back_after_the_delay(bench: Bench) -> None:
    await bench.queue.offer([ref(1), ref(2)])
    await bench.take(rows=10)
    await bench.queue.nack(keys(1), 2.0 * bench.second)
    await bench.queue.nack(keys(2, 7), 0.0)
    assert await bench.take(rows=10) == [2]
    assert await bench.nothing()
    await bench.wait(2.0)
    assert await bench.take() == [1]
    assert await bench.holds(2)


@check
async def what_is_due_later_waits(bench: Bench) -> None:
    due = bench.due(5)
    await bench.queue.offer([replace(ref(1), due_at=due)])
    assert await bench.nothing()
    await bench.wait(3)
    assert await bench.nothing()
    await bench.wait(2)
    assert await bench.take() == [1]


@check
async def what_was_due_is_there_at_once(bench: Bench) -> None:
    await bench.queue.offer([replace(ref(1), due_at=bench.clock.now() - timedelta(hours=1))])
    assert await bench.take() == [1]


@check
async def what_waits_can_be_called_up(bench: Bench) -> None:
    due = bench.due(5)
    await bench.queue.offer([replace(ref(1), due_at=due)])
    await bench.queue.offer([ref(1)])
    assert await bench.take() == [1]
    await bench.queue.ack(keys(1))
    await bench.wait(5)
    assert await bench.nothing()
    assert await bench.holds(0)


@check
async def what_is_offered_while_it_is_out_counts_when_it_comes_back(bench: Bench) -> None:
    await bench.queue.offer([ref(1)])
    await bench.take()
    due = bench.due(5)
    await bench.queue.offer([replace(ref(1), due_at=due)])
    assert await bench.nothing()
    await bench.queue.ack(keys(1))
    assert await bench.holds(1)
    assert await bench.nothing()
    await bench.wait(5)
    assert await bench.take() == [1]


@check
async def what_is_offered_again_unchanged_is_not_lost_by_a_nack(bench: Bench) -> None:
    await bench.queue.offer([ref(1)])
    await bench.take()
    await bench.queue.offer([ref(1)])
    await bench.queue.nack(keys(1), bench.second)
    await bench.wait(1.0)
    assert await bench.take() == [1]
    await bench.queue.ack(keys(1))
    assert await bench.holds(0)


@check
async def only_the_channels_asked_for(bench: Bench) -> None:
    await bench.queue.offer([ref(1, channel="sms"), ref(2, channel="email")])
    assert await bench.take(10, frozenset({"email"})) == [2]
    assert await bench.nothing(frozenset({"email"}))
    assert await bench.nothing(frozenset())
    assert await bench.take(10) == [1]


@check
async def about_as_many_rows_as_asked_for_and_one_batch_at_least(bench: Bench) -> None:
    await bench.queue.offer([ref(n, size=10) for n in range(1, 8)])
    assert len(await bench.take(rows=1)) == 1
    assert len(await bench.take(rows=25)) == 3
    assert len(await bench.take(rows=1_000)) == 3


@check
async def messages_take_turns(bench: Bench) -> None:
    await bench.queue.offer([ref(n, message=1) for n in range(1, 6)])
    await bench.queue.offer([ref(10, message=2), ref(11, message=3)])
    first = await bench.take(rows=4)
    assert {10, 11} <= set(first)
    rest = await bench.take(rows=100)
    assert sorted(first + rest) == [1, 2, 3, 4, 5, 10, 11]


@check
async def whoever_waits_is_woken(bench: Bench) -> None:
    receivers = [asyncio.ensure_future(bench.take()) for _ in range(2)]
    await bench.settle()
    await bench.queue.offer([ref(1), ref(2)])
    assert sorted(chain(*await asyncio.gather(*receivers))) == [1, 2]


@check
async def a_receiver_that_goes_away_takes_nothing_with_it(bench: Bench) -> None:
    assert await bench.nothing()
    await bench.queue.offer([ref(1)])
    assert await bench.take() == [1]
