"""Several processes on one record: what the server's locks are for."""

import asyncio
from collections.abc import Callable
from typing import Self, TypeVar

import pytest

from notefly.adapters.postgres.store import PostgresStore
from notefly.adapters.postgres.waiting import answer
from notefly.adapters.relational.rows import StoreBrokenError
from notefly.adapters.relational.transaction import Fact, Reading, Transaction
from notefly.domain.batch import EVERYBODY, NOBODY, BatchRef, Claim, Ending, Handed, Report
from notefly.domain.delivery import State
from notefly.domain.ids import BatchKey
from notefly.domain.message import Content
from notefly.domain.outcome import Verdict
from notefly.ports.message_store import Publication
from tests.support.story import profile
from tests.support.time import NOON, CountedIds

pytestmark = pytest.mark.engines
T = TypeVar("T")
IDS = CountedIds()
SIZES = {"sms": 1, "email": 1, "push": 1}
UP_FOR_LONG = """
SELECT pg_sleep(extract(epoch FROM pg_postmaster_start_time() - clock_timestamp()) + 4.1)
"""
"""One that has just started lets the living keep their leases first; mostly that is over."""
FACT = Fact(0, 1, 1, 1, 1, None, terminal=True)


async def publish(store: PostgresStore, messages: int = 1) -> None:
    contents = [Content("sports", "Goal!")] * messages
    ids = [IDS.message(NOON) for _ in contents]
    await store.messages.accept(Publication(ids, contents, NOON))


async def audience(store: PostgresStore, people: int) -> None:
    await store.subscribers.add([profile(f"p{n}") for n in range(people)], NOON)


class Held:
    """A transaction that did its work and does not commit yet."""

    def __init__(self, store: PostgresStore, work: Callable[[Transaction], object]) -> None:
        self._ready, self._gate = asyncio.Event(), asyncio.Event()

        def held(transaction: Transaction) -> None:
            work(transaction)
            self._ready.set()
            answer(self._gate.wait())

        self._task = asyncio.ensure_future(store.database.write(held))

    async def __aenter__(self) -> Self:
        await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gate.set()
        await self._task


async def waits(store: PostgresStore, task: "asyncio.Future[T]") -> None:
    """Until the server says that somebody waits for a lock; it is not done then."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while not await store.database.read(lambda reading: reading.value(asked)):
        assert not task.done()
    assert not task.done()


async def test_an_accept_waits_for_a_change_of_choices(
    store: PostgresStore, other: PostgresStore
) -> None:
    async with Held(store, lambda t: t.next_epoch()):
        accepted = asyncio.ensure_future(publish(other))
        await waits(store, accepted)
    await accepted
    epochs = "SELECT m.epoch, e.value FROM message m, meta e WHERE e.name = 'epoch'"
    [(accepted_at, now)] = await store.database.read(lambda r: r.rows(epochs))
    assert accepted_at == now


async def test_a_change_of_choices_waits_for_an_accept(
    store: PostgresStore, other: PostgresStore
) -> None:
    async with Held(store, lambda t: t.row("messages.moment")):
        changed = asyncio.ensure_future(audience(other, 1))
        await waits(store, changed)
    await changed


async def test_message_keys_follow_the_commits(store: PostgresStore, other: PostgresStore) -> None:
    async with Held(store, lambda t: t.value("messages.last_key")):
        accepted = asyncio.ensure_future(publish(other))
        await waits(store, accepted)
    await accepted


async def test_event_ids_follow_the_commits(store: PostgresStore, other: PostgresStore) -> None:
    """Nobody can see an event before the one with the smaller id."""

    def tell(transaction: Transaction) -> None:
        transaction.tell([FACT, FACT])

    def told_early(transaction: Transaction) -> None:
        transaction.tell([FACT])
        transaction.close()  # type: ignore[attr-defined]

    async with Held(store, told_early):
        later = asyncio.ensure_future(other.database.write(tell))
        await waits(store, later)
        assert await store.events.last() == 0
    await later
    assert await store.events.last() == 3 + 1
    ids = await store.database.read(lambda r: r.rows("SELECT id FROM event ORDER BY id"))
    assert [row[0] for row in ids] == [1, 2, 3, 4]


async def test_a_batch_is_planned_once_and_claimed_once(
    store: PostgresStore, other: PostgresStore
) -> None:
    await audience(store, 30)
    await publish(store, 3)

    async def plan(process: PostgresStore) -> list[BatchRef]:
        refs: list[BatchRef] = []
        while (planned := await process.batches.plan(SIZES, 1.0)).more:
            refs += planned.refs
        return refs

    mine, theirs = await asyncio.gather(plan(store), plan(other))
    refs = [*mine, *theirs]
    assert len({ref.batch for ref in refs}) == len(refs) == 90

    async def claim(process: PostgresStore, worker: str) -> set[BatchKey]:
        found: set[BatchKey] = set()
        for n in range(0, 90, 10):
            claims = await process.batches.claim(refs[n : n + 10], worker, 60.0, NOON)
            assert not claims.gone
            found |= {one.batch for one in claims.claims}
        return found

    first, second = await asyncio.gather(claim(store, "w1"), claim(other, "w2"))
    assert not first & second
    assert first | second == {ref.batch for ref in refs}


async def test_what_somebody_holds_at_this_moment_is_busy_not_gone(
    store: PostgresStore, other: PostgresStore
) -> None:
    await audience(store, 1)
    await publish(store)
    [ref] = (await store.batches.plan(SIZES, 1.0)).refs
    async with Held(store, lambda t: t.row("batches.held", (ref.batch,))):
        claims = await other.batches.claim([ref], "w2", 60.0, NOON)
        assert (list(claims.claims), list(claims.gone), list(claims.busy)) == ([], [], [ref.batch])
    assert len((await other.batches.claim([ref], "w2", 60.0, NOON)).claims) == 1


async def test_leases_follow_the_servers_clock(store: PostgresStore, other: PostgresStore) -> None:
    await store.database.read(lambda reading: reading.rows(UP_FOR_LONG))
    await audience(store, 2)
    await publish(store)
    first, second = (await store.batches.plan(SIZES, 1.0)).refs
    await store.batches.claim([first], "w1", 0.0, NOON)
    [kept] = (await store.batches.claim([second], "w1", 3_600.0, NOON)).claims
    assert [ref.batch for ref in await other.batches.take_over(NOON)] == [first.batch]
    await other.batches.extend([kept], 0.0)
    assert [ref.batch for ref in await other.batches.take_over(NOON)] == [second.batch]
    late = await store.batches.finish([ended(kept)])
    assert list(late.stale) == [second.batch]


async def test_the_next_group_is_written_while_the_last_one_is_flushed(
    store: PostgresStore, other: PostgresStore
) -> None:
    await audience(store, 1)
    await publish(store, 2)
    refs = (await store.batches.plan(SIZES, 1.0)).refs
    claims = (await store.batches.claim(refs, "w1", 60.0, NOON)).claims
    events = "SELECT value FROM meta WHERE name = 'event' FOR UPDATE"
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with Held(other, lambda t: t.value(events)):
        endings = [asyncio.ensure_future(store.batches.finish([ended(one)])) for one in claims]
        # Both are at the last statement before their commits.
        while await other.database.read(lambda reading: reading.value(waiting)) < len(claims):
            assert not any(ending.done() for ending in endings)
    assert not [batch for ending in endings for batch in (await ending).stale]
    assert len(endings) == 2


def ended(claim: Claim) -> Report:
    handed = Handed(NOBODY, EVERYBODY, claim.epoch, NOON, Verdict(State.DELIVERED), claim.size)
    return Report(claim, Ending.FINISHED, NOON, [handed])


async def test_a_watcher_hears_of_another_processs_commits(
    store: PostgresStore, other: PostgresStore
) -> None:
    watch = store.events.watch()
    async with asyncio.timeout(20):
        await anext(watch)
        await anext(watch)
        await publish(other)
        await anext(watch)
    await watch.aclose()  # type: ignore[attr-defined]


async def test_a_watcher_hears_of_them_after_a_mistake_too(
    store: PostgresStore, other: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistakes, read = [StoreBrokenError("a mistake")], store.database.read

    async def looks(work: Callable[[Reading], T]) -> T:
        if mistakes:
            raise mistakes.pop()
        return await read(work)

    monkeypatch.setattr(store.database, "read", looks)
    watch = store.events.watch()
    async with asyncio.timeout(20):
        await anext(watch)
        await anext(watch)
        assert not mistakes
        await publish(other)
        await anext(watch)
    await watch.aclose()  # type: ignore[attr-defined]
