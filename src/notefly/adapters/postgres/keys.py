"""API keys for a command, without the rest of the store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notefly.adapters.postgres.database import Database
from notefly.adapters.relational.keys import RelationalKeys
from notefly.ports.clock import Clock
from notefly.ports.key_store import KeyStore
from notefly.ports.meter import Meter


@asynccontextmanager
async def open_keys(dsn: str, clock: Clock, meter: Meter) -> AsyncIterator[KeyStore]:
    """Connect, check, migrate. Raises StoreUnusable."""
    database = await Database.open(dsn, meter, clock.now)
    try:
        yield RelationalKeys(database)
    finally:
        await database.close()
