"""A leader that is killed, stopped or cut off."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from notefly.adapters.postgres.leadership import open_leadership
from tests.contract.leading import soon
from tests.postgres.test_trouble import CUT_EVERYBODY, sql
from tests.support.server import database_for

pytestmark = pytest.mark.engines
LEADER = """
import asyncio, sys
from notefly.adapters.postgres.leadership import open_leadership
async def lead():
    async with open_leadership(sys.argv[1]) as leadership:
        print(await leadership.leads(), flush=True)
        await asyncio.Event().wait()
asyncio.run(lead())
"""


async def test_a_killed_leader_is_followed(dsn: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LEADER, dsn), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"True\n"
    async with open_leadership(dsn) as other:
        assert not await other.leads()
        process.kill()
        await process.wait()
        await soon(other)


async def test_a_leader_whose_session_was_ended_notices(dsn: str) -> None:
    async with open_leadership(dsn) as one, open_leadership(dsn) as other:
        assert await one.leads()
        await sql(dsn, CUT_EVERYBODY)
        await soon(other)
        assert not await one.leads()
        assert await other.leads()


async def test_a_leader_that_falls_silent_is_followed(dsn: str) -> None:
    """Stopped or cut off: the server ends its session, however it looks from there."""
    async with open_leadership(dsn, silence_seconds=0.2) as silent, open_leadership(dsn) as other:
        assert await silent.leads()
        await soon(other)
        assert not await silent.leads()


async def test_without_a_server_nobody_leads() -> None:
    async with open_leadership("postgresql://127.0.0.1:1/x") as one:
        assert not await one.leads()


async def test_a_leader_behind_a_dead_network_soon_leads_no_more(dsn: str, tmp_path: Path) -> None:
    async with (
        network(dsn, tmp_path) as (through, dead),
        open_leadership(through, patience_seconds=0.3) as one,
    ):
        await soon(one)
        dead.set()
        assert not await one.leads()
        assert not await one.leads()
        dead.clear()
        await soon(one)


async def test_each_store_has_a_leader_of_its_own(dsn: str, tmp_path: Path) -> None:
    elsewhere = await database_for(tmp_path / "elsewhere")
    async with open_leadership(dsn) as one, open_leadership(elsewhere) as other:
        assert await one.leads()
        assert await other.leads()


@asynccontextmanager
async def network(dsn: str, folder: Path) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An address in front of the server's; while `dead` is set nothing gets through."""
    dead, pumps = asyncio.Event(), set[asyncio.Task[None]]()
    real = parse_qs(urlsplit(dsn).query)["host"][0]

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                if not dead.is_set():
                    writer.write(chunk)
        finally:
            writer.transport.abort()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_unix_connection(f"{real}/.s.PGSQL.5432")
        pumps.update(
            {asyncio.create_task(pump(reader, ours)), asyncio.create_task(pump(theirs, writer))}
        )

    listening = await asyncio.start_unix_server(connected, folder / ".s.PGSQL.5432")
    try:
        yield dsn.replace(real, str(folder)), dead
    finally:
        listening.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
