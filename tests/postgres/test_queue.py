"""The queue as several processes use it, and what becomes of it when something breaks."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from notefly.adapters.postgres import queue as module
from notefly.adapters.postgres.asking import STATEMENTS
from notefly.adapters.postgres.queue import SkipLockedQueue, open_queue
from notefly.adapters.postgres.wakeups import open_wakeups
from notefly.domain.batch import BatchRef
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey
from notefly.ports.wakeups import Wakeups
from tests.contract.queueing import keys, ref
from tests.postgres.test_trouble import CUT_EVERYBODY, sql, until_available
from tests.support.time import VirtualClock

pytestmark = pytest.mark.engines
SMS = frozenset({"sms"})


@dataclass
class Processes:
    """Any number on one database whose clock stands still; one's own clock may stop alone."""

    dsn: str
    clock: VirtualClock
    stack: AsyncExitStack

    def open(
        self, *, stopped: bool = False, wakeups: Wakeups | None = None
    ) -> AbstractAsyncContextManager[SkipLockedQueue]:
        own = VirtualClock() if stopped else self.clock
        return open_queue(self.dsn, clock=own, wakeups=wakeups, now=self.clock.monotonic)

    async def start(
        self, *, stopped: bool = False, wakeups: Wakeups | None = None
    ) -> SkipLockedQueue:
        return await self.stack.enter_async_context(self.open(stopped=stopped, wakeups=wakeups))

    async def pass_seconds(self, seconds: float, *alive: SkipLockedQueue) -> None:
        self.clock.advance(seconds)
        for queue in alive:
            await queue.keep()


@pytest.fixture
async def processes(dsn: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Processes]:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    async with AsyncExitStack() as stack:
        yield Processes(dsn, VirtualClock(), stack)


async def take(queue: SkipLockedQueue, rows: int = 1_000) -> set[int]:
    async with asyncio.timeout(20):
        return {int(one.batch) for one in await queue.receive(SMS, rows)}


async def empty(queue: SkipLockedQueue) -> bool:
    """Whether there is nothing to receive."""
    await queue.look()
    found = await queue._take(queue._doors.at(SMS), SMS, 1_000)
    return not found


async def test_nothing_is_handed_out_twice_within_ten_seconds(processes: Processes) -> None:
    first, second = await processes.start(), await processes.start()
    await first.offer([ref(n, message=n % 7) for n in range(300)])
    taken: list[int] = []
    all_taken = asyncio.Event()

    async def work(queue: SkipLockedQueue) -> None:
        while True:
            taken.extend(await take(queue, rows=7))
            if len(taken) >= 300:
                all_taken.set()

    workers = [asyncio.ensure_future(work(queue)) for queue in (first, second) * 3]
    await all_taken.wait()
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)
    assert sorted(taken) == list(range(300))
    await processes.pass_seconds(9.9)
    assert await empty(first)


async def test_what_a_dead_process_held_comes_back_and_a_live_one_keeps_its_own(
    processes: Processes,
) -> None:
    dead, alive = await processes.start(stopped=True), await processes.start()
    await dead.offer([ref(1), ref(2)])
    assert await take(dead, rows=1) == {1}
    assert await take(alive, rows=1) == {2}
    for _ in range(3):
        await processes.pass_seconds(4.0, alive)
    assert await take(alive) == {1}
    assert await empty(alive)


async def test_who_comes_back_too_late_touches_nothing(processes: Processes) -> None:
    late, other = await processes.start(stopped=True), await processes.start()
    await late.offer([ref(1)])
    await take(late)
    await processes.pass_seconds(12.0)
    assert await take(other) == {1}
    await late.nack(keys(1), 0.0)
    await late.ack(keys(1))
    await late.keep()
    assert await other.depth() == 1
    assert await empty(other)
    await other.ack(keys(1))
    assert await other.depth() == 0


async def test_what_is_due_later_stays_so_when_its_holder_dies(processes: Processes) -> None:
    dead, alive = await processes.start(stopped=True), await processes.start()
    await dead.offer([ref(1)])
    await take(dead)
    due = processes.clock.advance(0.0).replace(hour=13)
    await alive.offer([BatchRef(ref(1).batch, ref(1).message, "sms", 1, due)])
    await processes.pass_seconds(12.0)
    assert await empty(alive)
    await processes.pass_seconds(3_600.0)
    assert await take(alive) == {1}


async def test_a_process_that_ends_gives_back_at_once(processes: Processes) -> None:
    other = await processes.start()
    async with processes.open() as ending:
        await ending.offer([ref(1), ref(2)])
        assert await take(ending) == {1, 2}
    assert await take(other) == {1, 2}


async def test_who_goes_away_while_asking_leaves_it_to_others(processes: Processes) -> None:
    queue = await processes.start()
    await queue.offer([ref(1)])
    for turns in range(40):
        asking = asyncio.ensure_future(queue.receive(SMS, 1))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        if not asking.cancelled():
            await queue.nack(keys(1), 0.0)
    assert await take(queue) == {1}


@pytest.mark.parametrize("call", ["offer", "depth", "ready"])
async def test_a_call_that_was_cut_says_so(processes: Processes, call: str) -> None:
    queue = await processes.start()
    calls: dict[str, Callable[[], Any]] = {
        "offer": lambda: queue.offer([ref(1)]),
        "depth": queue.depth,
        "ready": queue.ready,
    }
    async with cut(processes.dsn, call):
        asked = asyncio.ensure_future(calls[call]())
    with pytest.raises(Unavailable, match="cannot be reached"):
        await asked
    await until_available(lambda: asyncio.ensure_future(calls[call]()))


@pytest.mark.parametrize("call", ["ack", "nack"])
async def test_giving_back_that_was_cut_comes_back_later(processes: Processes, call: str) -> None:
    queue = await processes.start()
    await queue.offer([ref(1)])
    await take(queue)
    async with cut(processes.dsn, call):
        given = asyncio.ensure_future(
            queue.ack(keys(1)) if call == "ack" else queue.nack(keys(1), 1.0)
        )
    await given
    await processes.pass_seconds(12.0, queue)
    assert await take(queue) == {1}


async def test_a_receiver_that_was_cut_goes_on_waiting(processes: Processes) -> None:
    queue = await processes.start()
    await queue.offer([ref(1)])
    async with cut(processes.dsn, "receive"):
        waiting = asyncio.ensure_future(take(queue))
    assert await waiting == {1}


class cut:  # noqa: N801 - reads as a statement
    """A statement that is asked inside waits for the server, which then ends the connection."""

    def __init__(self, dsn: str, statement: str) -> None:
        self._dsn = dsn
        self._text = STATEMENTS[statement].text

    async def __aenter__(self) -> None:
        self._link = await asyncpg.connect(self._dsn)
        await self._link.execute("BEGIN; LOCK TABLE queue")

    async def __aexit__(self, *_: object) -> None:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND left(query, 500) = left($1, 500)"
        )
        while not await self._link.fetchval(waiting, self._text):
            # Else a transaction sees the sessions as they were.
            await self._link.execute("SELECT pg_stat_clear_snapshot()")
        await self._link.execute(CUT_EVERYBODY)
        await self._link.execute("COMMIT")
        await self._link.close()


async def test_connections_that_were_cut_are_opened_again(processes: Processes) -> None:
    queue = await processes.start()
    for n in range(10):
        await sql(processes.dsn, CUT_EVERYBODY)
        await until_available(lambda n=n: asyncio.ensure_future(queue.offer([ref(n)])))  # type: ignore[misc]
        await sql(processes.dsn, CUT_EVERYBODY)
        assert await take(queue) == {n}


async def test_a_queue_that_was_emptied_is_filled_again(processes: Processes) -> None:
    """As a crash of the server does it."""
    queue = await processes.start()
    await queue.offer([ref(1), ref(2)])
    await take(queue, rows=1)
    await sql(processes.dsn, "TRUNCATE queue")
    await queue.ack(keys(1))
    assert await queue.depth() == 0
    await queue.offer([ref(1), ref(2)])
    assert await take(queue) == {1, 2}


async def test_rings_of_others_wake_whoever_waits(
    processes: Processes, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 3_600.0)
    async with open_wakeups(dsn) as here, open_wakeups(dsn) as there:
        waiting, offering = await asyncio.gather(
            processes.start(wakeups=here), processes.start(wakeups=there)
        )
        for n in range(3):
            received = asyncio.ensure_future(take(waiting))
            await waiting.depth()
            await offering.offer([ref(n)])
            assert await received == {n}


async def test_without_rings_it_is_found_by_looking(processes: Processes) -> None:
    waiting, offering = await processes.start(), await processes.start()
    received = asyncio.ensure_future(take(waiting))
    await waiting.depth()
    await offering.offer([ref(1)])
    assert await received == {1}


async def test_one_of_many_who_wait_asks_for_all(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 3_600.0)
    queue = await processes.start()
    asked: list[str] = []
    right = queue._ask

    async def counted(name: str, **values: object) -> Any:
        asked.append(name)
        return await right(name, **values)

    monkeypatch.setattr(queue, "_ask", counted)
    waiting = [asyncio.ensure_future(take(queue)) for _ in range(20)]
    for n in range(3):
        await queue.offer([ref(n)])
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [one.result() for one in done] == [{n}]
        waiting = [one for one in waiting if one not in done]
    # Each got one, and the one behind found nothing.
    assert asked.count("receive") <= 1 + 3 * 2
    for one in waiting:
        one.cancel()
    await asyncio.wait(waiting)


async def test_a_small_message_comes_right_behind_the_head(processes: Processes) -> None:
    queue = await processes.start()
    await queue.offer([ref(n, size=1_000) for n in range(1_000)])
    await queue.offer([ref(5_000, message=2), ref(5_001, message=3)])
    got = [await take(queue, rows=1) for _ in range(4)]
    assert got == [{0}, {1}, {5_000}, {5_001}]


async def test_channels_take_turns_too(processes: Processes) -> None:
    queue = await processes.start()
    await queue.offer([ref(n, size=10) for n in range(100)])
    await queue.offer([ref(500 + n, message=2, channel="email", size=10) for n in range(100)])
    got = [one.channel for one in await queue.receive(SMS | {"email"}, 20)]
    assert got == ["sms", "email"]


async def test_what_is_there_already_is_offered_without_writing(processes: Processes) -> None:
    queue = await processes.start()
    refs = [ref(n) for n in range(100)]
    await queue.offer(refs)

    async def versions() -> list[Any]:
        link = await asyncpg.connect(processes.dsn)
        found = await link.fetch("SELECT batch, xmin, xmax, ctid FROM queue ORDER BY batch")
        await link.close()
        return [tuple(row) for row in found]

    before = await versions()
    await queue.offer(refs)
    assert await versions() == before


async def test_all_calls_at_once_are_not_in_each_others_way(processes: Processes) -> None:
    """Every statement locks in the same order, or does not wait."""
    first, second = await processes.start(), await processes.start()
    refs = [ref(n, message=n % 5) for n in range(200)]

    async def offer(queue: SkipLockedQueue, step: int) -> None:
        for _ in range(20):
            await queue.offer([one for one in refs if one.batch % step][::-1])
            await queue.offer(refs[::step])

    async def work(queue: SkipLockedQueue) -> None:
        while True:
            taken = [BatchKey(batch) for batch in await take(queue, rows=30)]
            await queue.keep()
            await queue.nack(taken[::2], 0.0)
            await queue.ack(taken[1::2])

    workers = [asyncio.ensure_future(work(queue)) for queue in (first, second) * 2]
    await asyncio.gather(*(offer(q, step) for q in (first, second) for step in (2, 3)))
    assert not [worker for worker in workers if worker.done()]
    for worker in workers:
        worker.cancel()
    await asyncio.wait(workers)


@pytest.mark.timeout(240)  # its recovery takes as long as the disk does
async def test_a_crash_of_the_server_empties_it_and_no_more(processes: Processes, dsn: str) -> None:
    """It is a hint: the store is all there, and the walk over it offers everything again."""
    queue = await processes.start()
    await queue.offer([ref(1), ref(2)])
    await take(queue, rows=1)
    assert await take(queue) == {2}
    waiting = asyncio.ensure_future(queue.receive(SMS, 1_000))
    link = await asyncpg.connect(dsn)
    # The server ends every session and recovers from its log, as if all of it had been killed.
    os.kill(link.get_server_pid(), signal.SIGKILL)
    while await until_available(lambda: asyncio.ensure_future(queue.depth())):
        pass
    await queue.ack(keys(1))
    await until_available(lambda: asyncio.ensure_future(queue.offer([ref(1), ref(2)])))
    assert sorted(one.batch for one in await waiting) == [1, 2]
