"""Which servers are trusted, and how a database becomes a store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from notefly.adapters.postgres import connection
from notefly.adapters.postgres.audit import PostgresAudit
from notefly.adapters.postgres.store import PostgresStore
from notefly.domain.errors import StoreUnusable, Unavailable
from notefly.domain.message import Content
from notefly.ports.message_store import Publication
from tests.postgres.conftest import opened
from tests.support.time import NOON, CountedIds

pytestmark = pytest.mark.engines


@asynccontextmanager
async def server_with(dsn: str, setting: str, value: str) -> AsyncIterator[None]:
    """The whole server, until the block ends; a reload is seen by connections made after it."""
    link = await asyncpg.connect(dsn)

    async def until(wanted: str) -> None:
        await link.execute("SELECT pg_reload_conf()")
        while await link.fetchval(f"SHOW {setting}") != wanted:
            pass

    try:
        await link.execute(f"ALTER SYSTEM SET {setting} = {value}")
        await until(value)
        yield
    finally:
        await link.execute(f"ALTER SYSTEM RESET {setting}")
        await until("on")
        await link.close()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_can_lose_commits_is_refused(dsn: str, setting: str) -> None:
    async with server_with(dsn, setting, "off"):
        with pytest.raises(StoreUnusable, match=f"ALTER SYSTEM SET {setting} = on"):
            await opened(dsn).__aenter__()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_that_forgets_it_later_accepts_nothing(dsn: str, setting: str) -> None:
    accepted = Publication([CountedIds().message(NOON)], [Content("sports", "Goal!")], NOON)
    async with opened(dsn) as store:

        async def heard(wanted: str) -> None:
            shown = f"SHOW {setting}"
            while await store.database.read(lambda r: r.value(shown)) != wanted:
                pass

        async with server_with(dsn, setting, "off"):
            await heard("off")
            for _ in range(2):
                with pytest.raises(Unavailable, match=f"ALTER SYSTEM SET {setting} = on"):
                    await store.messages.accept(accepted)
                with pytest.raises(Unavailable, match=f"{setting}=off"):
                    await store.messages.ready()
            assert await store.figures.messages() == 0
        await heard("on")
        await store.messages.ready()
        await store.messages.accept(accepted)


async def test_commits_are_durable_whatever_the_servers_default(dsn: str) -> None:
    async with server_with(dsn, "synchronous_commit", "off"), opened(dsn) as store:
        found = await store.database.read(lambda r: r.value("SHOW synchronous_commit"))
    assert found == "on"


async def test_the_schema_is_made_by_one_however_many_start(dsn: str) -> None:
    async with opened(dsn) as first, opened(dsn) as second:
        assert await first.figures.messages() == await second.figures.messages() == 0
    stores = [opened(dsn) for _ in range(4)]
    await asyncio.gather(*(store.__aenter__() for store in stores))
    await asyncio.gather(*(store.__aexit__(None, None, None) for store in stores))


async def test_a_newer_schema_is_refused(dsn: str, store: PostgresStore) -> None:
    await store.database.write(lambda t: t.run("INSERT INTO notefly_schema VALUES (9999)"))
    with pytest.raises(StoreUnusable, match=r"has schema 9999, this Notefly knows \d+: update"):
        await opened(dsn).__aenter__()


@pytest.mark.parametrize("nowhere", ["postgresql://127.0.0.1:1/x", "postgresql://127.0.0.1:x/x"])
async def test_without_a_server_it_says_so(nowhere: str) -> None:
    with pytest.raises(StoreUnusable, match="cannot be reached"):
        await opened(nowhere).__aenter__()
    with pytest.raises(StoreUnusable, match="cannot be reached"):
        await anext(PostgresAudit(nowhere).check("I1"))


async def test_a_server_that_recovers_is_waited_for(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["the database system is in recovery mode", "the database system is starting up"]
    right = asyncpg.create_pool

    async def soon(*args: Any, **options: Any) -> Any:
        if said:
            raise asyncpg.CannotConnectNowError(said.pop())
        return await right(*args, **options)

    monkeypatch.setattr(asyncpg, "create_pool", soon)
    monkeypatch.setattr(connection, "AGAIN_SECONDS", 0.0)
    async with opened(dsn):
        assert not said
    said = ["the database system is shutting down"]
    monkeypatch.setattr(connection, "STARTING_SECONDS", -1.0)
    with pytest.raises(StoreUnusable, match="shutting down"):
        async with opened(dsn):
            pass


async def test_an_empty_database_is_no_store_to_verify(dsn: str) -> None:
    with pytest.raises(StoreUnusable, match="there is no store in this database"):
        assert [found async for found in PostgresAudit(dsn).check("I1")]
