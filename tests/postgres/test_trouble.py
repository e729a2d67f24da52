"""Connections that are cut, servers that go away, transactions that are in each other's way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import asyncpg
import pytest

from notefly.adapters.postgres import commits
from notefly.adapters.postgres import database as databases
from notefly.adapters.postgres.connection import SETTINGS
from notefly.adapters.postgres.store import PostgresStore
from notefly.adapters.postgres.waiting import answer
from notefly.adapters.relational.rows import StoreBrokenError
from notefly.adapters.relational.transaction import Transaction
from notefly.domain.batch import NOBODY, Claim
from notefly.domain.errors import CommitUnknown, Unavailable
from tests.postgres.test_accepting import GOAL, request
from tests.postgres.test_together import audience, publish
from tests.support.server import server
from tests.support.time import NOON

pytestmark = pytest.mark.engines
T = TypeVar("T")
CUT_EVERYBODY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND application_name = 'notefly'
"""
BLOCKED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""
CUT_IN_COMMIT = """
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION cut();
"""


async def sql(dsn: str, statement: str) -> None:
    link = await asyncpg.connect(dsn)
    await link.execute(statement)
    await link.close()


async def until_available(work: Callable[[], "asyncio.Future[T]"]) -> T:
    while True:
        try:
            return await work()
        except Unavailable:
            continue


async def test_connections_that_were_cut_are_opened_again(dsn: str, store: PostgresStore) -> None:
    for n in range(1, 11):
        await sql(dsn, CUT_EVERYBODY)
        await until_available(lambda: asyncio.ensure_future(store.messages.accept(request(GOAL))))
        assert await store.figures.messages() == n


async def test_people_are_read_anew_when_another_server_may_be_there(
    dsn: str, store: PostgresStore
) -> None:
    """One that took over without the last commits may say something else at the same epoch."""
    await audience(store, 2)
    await publish(store, 3)
    planned = await store.batches.plan({"sms": 10}, 1.0)
    claims = (await store.batches.claim(planned.refs, "w", 60.0, NOON)).claims

    async def addresses(claim: Claim) -> list[str]:
        [part] = await store.batches.hand_over([claim], NOBODY, 10, NOON)
        return [one.address for one in part.recipients]

    before = await addresses(claims[0])
    await sql(dsn, "UPDATE address SET value = value || '0'")
    assert await addresses(claims[1]) == before
    await sql(dsn, CUT_EVERYBODY)
    after = await until_available(lambda: asyncio.ensure_future(addresses(claims[2])))
    assert after == [f"{address}0" for address in before]


async def test_a_server_that_comes_back_is_used_again(store: PostgresStore) -> None:
    await audience(store, 1)
    await asyncio.to_thread(server().stop)
    try:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await store.messages.accept(request(GOAL))
        with pytest.raises(Unavailable, match="cannot be reached"):
            await store.figures.messages()
    finally:
        await asyncio.to_thread(server().ensure_postgres_running)
    await until_available(lambda: asyncio.ensure_future(store.messages.accept(request(GOAL))))
    assert await store.figures.messages() == 1


async def test_nobody_is_told_how_a_commit_ended_that_was_cut(
    dsn: str, store: PostgresStore
) -> None:
    await sql(dsn, CUT_IN_COMMIT)
    keyed, keyless = request(GOAL, key="k"), request(GOAL)
    found = await asyncio.gather(
        store.messages.accept(keyed), store.messages.accept(keyless), return_exceptions=True
    )
    assert [type(one) for one in found] == [CommitUnknown, CommitUnknown]
    assert not isinstance(found[0], Unavailable)
    await sql(dsn, "DROP TRIGGER cut ON message")
    again = await store.messages.accept(keyed)
    assert again.ids == keyed.ids
    assert (await store.messages.accept(keyed)).replayed


async def test_two_in_each_others_way_both_get_through(
    store: PostgresStore, other: PostgresStore
) -> None:
    """The server undoes one of them, which is done again."""
    both = asyncio.Barrier(2)

    def rename(first: str, second: str) -> Callable[[Transaction], None]:
        met = False

        def work(transaction: Transaction) -> None:
            nonlocal met
            touch = "UPDATE channel SET paused = NOT paused WHERE name = $1"
            transaction.run(touch, (first,))
            if not met:
                met = True
                answer(both.wait())
            transaction.run(touch, (second,))

        return work

    await asyncio.gather(
        store.database.write(rename("sms", "email")), other.database.write(rename("email", "sms"))
    )
    assert await store.control.paused() == frozenset()


async def test_who_stands_still_in_the_midst_of_a_copy_keeps_no_locks(
    dsn: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped while it records: no timeout of the server reaches it."""
    monkeypatch.setattr(databases, "STANDSTILL_SECONDS", 0.1)
    stopped = await asyncpg.connect(
        dsn,
        server_settings={
            "application_name": "notefly",
            "idle_in_transaction_session_timeout": "100ms",
        },
    )

    async def stands_still() -> AsyncIterator[bytes]:
        yield b"1\t"
        await asyncio.Event().wait()

    await stopped.execute("BEGIN; UPDATE meta SET value = value WHERE name = 'event'")
    copying = asyncio.create_task(stopped.copy_to_table("delivery", source=stands_still()))
    async with asyncio.timeout(20):
        while not stopped.is_closed():
            assert not await store.batches.take_over(NOON)
    copying.cancel()
    await asyncio.gather(copying, return_exceptions=True)
    await sql(dsn, "SELECT value FROM meta WHERE name = 'event' FOR UPDATE NOWAIT")


@pytest.mark.usefixtures("store")
async def test_who_stands_still_keeps_no_locks_one_after_the_other(dsn: str) -> None:
    """A process that is stopped with several transactions: one holds what the others wait for."""
    names = ("lock_timeout", "idle_in_transaction_session_timeout")
    halves = {name: f"{int(SETTINGS[name].rstrip('s')) * 500}ms" for name in names}
    links = [await asyncpg.connect(dsn, server_settings=SETTINGS | halves) for _ in range(4)]
    counter = "UPDATE meta SET value = value WHERE name = 'event'"
    for link in links:
        await link.execute("BEGIN")
    first, *others = links
    await first.execute(counter)
    waiting = [asyncio.create_task(link.execute(counter)) for link in others]
    # They wait already when it says its last word.
    while await first.fetchval(BLOCKED) < len(others):
        assert not any(one.done() for one in waiting)
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncpg.LockNotAvailableError] * len(others)
    await sql(dsn, f"SET lock_timeout = '2s'; {counter}")
    for link in links:
        link.terminate()


async def test_who_waits_for_a_lock_in_vain_tries_again(dsn: str, store: PostgresStore) -> None:
    holder = await asyncpg.connect(dsn)
    await holder.execute("BEGIN; UPDATE meta SET value = value WHERE name = 'epoch'")
    tries = 0

    def work(transaction: Transaction) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            answer(holder.execute("ROLLBACK"))
        transaction.run("SET LOCAL lock_timeout = '1ms'")
        transaction.hold_epoch()

    await store.database.write(work)
    assert tries == 3
    await holder.close()


async def test_a_second_row_for_a_delivery_is_a_bug_and_says_so(store: PostgresStore) -> None:
    await store.messages.accept(request(GOAL))
    row = "INSERT INTO delivery SELECT 1, 1, 1, 1, 1, 1, 1 FROM generate_series(1, 2)"
    with pytest.raises(StoreBrokenError, match="duplicate key"):
        await store.database.write(lambda transaction: transaction.run(row))


async def test_waiting_outside_of_work_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside the work"):
        answer(asyncio.get_running_loop().create_future())


async def test_who_goes_away_leaves_nothing_behind(store: PostgresStore) -> None:
    never = asyncio.Event()

    def stuck(transaction: Transaction) -> None:
        transaction.next_epoch()
        answer(never.wait())

    for _ in range(12):
        task = asyncio.ensure_future(store.database.write(stuck))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    await audience(store, 1)


async def test_who_goes_away_while_commits_wait_leaves_nothing_behind(
    store: PostgresStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the driver have to clean up, which it complains of."""
    monkeypatch.setattr(commits, "PATIENCE_SECONDS", 20.0)
    worked = asyncio.Event()

    def work(transaction: Transaction) -> None:
        transaction.next_epoch()
        worked.set()

    before = await store.database.read(lambda reading: reading.epoch)
    await store.database.commits.pause()
    task = asyncio.ensure_future(store.database.write(work))
    await worked.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    store.database.commits.resume()
    assert task.cancelled()
    assert await store.database.read(lambda reading: reading.epoch) == before
    assert not caplog.records


async def test_many_readers_hold_up_no_writer(store: PostgresStore) -> None:
    """A lease that is kept too late is taken over."""
    end = asyncio.Event()
    looking = [
        asyncio.create_task(store.database.read(lambda _: answer(end.wait()))) for _ in range(20)
    ]
    async with asyncio.timeout(4):
        await store.messages.accept(request(GOAL))
    end.set()
    await asyncio.gather(*looking)
