"""Rings when connections break, and whom they reach."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from notefly.adapters.postgres import database as module
from notefly.adapters.postgres import wakeups as wakeups_module
from notefly.adapters.postgres.wakeups import open_wakeups
from notefly.ports.wakeups import Topic
from tests.contract.waking import Heard
from tests.postgres.conftest import opened
from tests.postgres.test_together import publish
from tests.postgres.test_trouble import CUT_EVERYBODY, sql
from tests.support.server import database_for

pytestmark = pytest.mark.engines


async def test_after_a_cut_everything_counts_as_rung(dsn: str) -> None:
    """Nobody knows what was rung while nothing was heard."""
    async with open_wakeups(dsn) as one, open_wakeups(dsn) as other:
        every = [Heard(one, topic) for topic in Topic]
        theirs = Heard(other, Topic.REPLAYED)
        assert not any(heard.times for heard in every)
        await sql(dsn, CUT_EVERYBODY)
        one.ring(Topic.REPLAYED)
        await asyncio.gather(*(heard.again() for heard in every))
        await theirs.again()


async def test_one_topic_does_not_wait_for_another(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups_module, "GAP_SECONDS", 3_600.0)
    async with open_wakeups(dsn) as one, open_wakeups(dsn) as other:
        committed, offered = Heard(other, Topic.COMMITTED), Heard(other, Topic.OFFERED)
        one.ring(Topic.COMMITTED)
        await committed.again()
        one.ring(Topic.COMMITTED)
        one.ring(Topic.OFFERED)
        await offered.again()
        assert committed.times == 1, "within the gap rings are gathered"


async def test_a_message_of_a_newer_process_is_passed_over(dsn: str) -> None:
    async with open_wakeups(dsn) as one, open_wakeups(dsn) as other:
        heard = [Heard(other, topic) for topic in Topic]
        link = await asyncpg.connect(dsn)
        channel = await link.fetchval("SELECT 'notefly_' || current_schema()::regnamespace::oid")
        await link.execute("SELECT pg_notify($1, 'unheard_of committed')", channel)
        await heard[0].again()
        assert [each.times for each in heard] == [1, 0, 0, 0]
        await link.close()
        one.ring(Topic.COMMITTED)
        await heard[0].again()


async def test_another_store_in_the_same_database_is_not_disturbed(
    dsn: str, tmp_path: Path
) -> None:
    elsewhere = await database_for(tmp_path / "elsewhere")
    async with (
        open_wakeups(dsn) as one,
        open_wakeups(dsn) as same,
        open_wakeups(elsewhere) as stranger,
    ):
        near, far = Heard(same, Topic.OFFERED), Heard(stranger, Topic.OFFERED)
        one.ring(Topic.OFFERED)
        await near.again()
        assert not far.times


@pytest.mark.parametrize("nowhere", ["postgresql://127.0.0.1:1/x", "postgresql://a..b/x"])
async def test_without_a_server_nobody_is_held_up(nowhere: str) -> None:
    async with asyncio.timeout(10), open_wakeups(nowhere) as wakeups:
        wakeups.ring(Topic.COMMITTED)


async def test_a_watcher_is_rung_for_what_others_commit(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RUNG_POLL_SECONDS", 3_600.0)
    async with (
        open_wakeups(dsn) as here,
        open_wakeups(dsn) as there,
        opened(dsn, wakeups=here) as store,
        opened(dsn, wakeups=there) as other,
    ):
        watch = store.events.watch()
        async with asyncio.timeout(20):
            await anext(watch)
            for _ in range(3):
                await publish(other)
                await anext(watch)
        await watch.aclose()  # type: ignore[attr-defined]
