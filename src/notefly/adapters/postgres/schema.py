"""The schema: numbered scripts that only go forward, by one process at a time."""

from notefly.adapters.postgres.transaction import Link
from notefly.adapters.relational.statements import load_migrations
from notefly.domain.errors import StoreUnusable

PACKAGE = "notefly.adapters.postgres"
LOCK = 0x6E6F7465666C79
"""Of the advisory lock: the letters of the name."""


MIGRATION_SECONDS = 3_600.0
"""For a script, and for whoever waits for another process to be done with it."""


async def migrate(link: Link) -> None:
    """All that are missing, in one transaction. Raises StoreUnusable for a newer schema."""
    scripts = load_migrations(PACKAGE)
    async with link.transaction():
        await link.execute("SET LOCAL lock_timeout = 0")
        await link.execute(f"SELECT pg_advisory_xact_lock({LOCK})", timeout=MIGRATION_SECONDS)
        version = await _version(link)
        newest = scripts[-1][0]
        if version > newest:
            raise StoreUnusable(
                f"the store has schema {version}, this Notefly knows {newest}: update Notefly"
            )
        for number, script in scripts:
            if number > version:
                await link.execute(script, timeout=MIGRATION_SECONDS)
                await link.execute("INSERT INTO notefly_schema VALUES ($1)", number)


async def _version(link: Link) -> int:
    """The newest script that was run, 0 in an empty database."""
    await link.execute("CREATE TABLE IF NOT EXISTS notefly_schema (version integer PRIMARY KEY)")
    found: int = await link.fetchval("SELECT coalesce(max(version), 0) FROM notefly_schema")
    return found
