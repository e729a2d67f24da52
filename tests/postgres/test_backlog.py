"""How much waits, when several processes add to it."""

import asyncio

import pytest

from notefly.adapters.postgres import backlog
from notefly.adapters.postgres import commits as commits_module
from notefly.adapters.postgres.commits import Commits
from notefly.adapters.postgres.store import PostgresStore
from notefly.adapters.relational.rows import StoreBrokenError
from notefly.domain.errors import Unavailable
from tests.postgres.test_together import audience, publish

pytestmark = pytest.mark.engines


async def test_what_others_accept_is_counted_in(store: PostgresStore, other: PostgresStore) -> None:
    await publish(other, 3)
    await publish(store, 2)
    assert other.backlog.waiting() == 3
    for process in (store, other):
        await process.backlog.count()
        assert process.backlog.waiting() == 5


async def test_a_count_in_the_middle_of_commits_is_exact(store: PostgresStore) -> None:
    await audience(store, 5)
    counting = True

    async def count() -> None:
        while counting:
            await store.backlog.count()

    async def commit() -> None:
        for _ in range(50):
            await publish(store)
            await store.batches.plan({"sms": 10, "email": 10, "push": 10}, 0.01)

    counts = asyncio.ensure_future(count())
    await asyncio.gather(*(commit() for _ in range(4)))
    counting = False
    await counts
    known = store.backlog.waiting()
    await store.backlog.count()
    assert store.backlog.waiting() == known > 0


async def test_a_count_does_not_wait_long_for_a_commit_without_an_answer(
    store: PostgresStore,
) -> None:
    await publish(store)
    async with store.database.commits.one():
        with pytest.raises(Unavailable):
            await store.backlog.count()
    await publish(store)
    assert store.backlog.waiting() == 2


async def test_commits_wait_while_there_shall_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits_module, "PATIENCE_SECONDS", 20.0)
    commits = Commits()
    await commits.pause()

    async def commit() -> None:
        async with commits.one():
            pass

    waiting = asyncio.ensure_future(commit())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    commits.resume()
    await waiting


async def test_a_count_that_is_not_answered_holds_up_no_commit_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commits_module, "PATIENCE_SECONDS", 0.01)
    commits = Commits()
    await commits.pause()
    async with asyncio.timeout(10), commits.one():
        pass
    assert not commits.resume()
    await commits.pause()
    assert commits.resume()


async def test_counting_goes_on_after_a_mistake(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "COUNT_SECONDS", 0.0)
    counted, mistakes = asyncio.Event(), [StoreBrokenError("a mistake")]

    async def count() -> None:
        if mistakes:
            raise mistakes.pop()
        counted.set()

    one = backlog.PostgresBacklog(store.database)
    monkeypatch.setattr(one, "count", count)
    counting = asyncio.create_task(one.count_at_times())
    async with asyncio.timeout(10):
        await counted.wait()
    counting.cancel()
    await asyncio.wait([counting])
