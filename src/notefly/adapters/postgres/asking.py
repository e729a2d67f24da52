"""The statements of the queue, on connections of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from asyncpg import Record

from notefly.adapters.postgres.connection import PLANS, close_pool, open_pool
from notefly.adapters.postgres.errors import translated
from notefly.adapters.postgres.statements import numbered
from notefly.adapters.postgres.transaction import Links
from notefly.adapters.relational.statements import load

STATEMENTS = {
    name: numbered(text) for name, text in load("notefly.adapters.postgres", "queue").items()
}
CONNECTIONS = 2
"""At most, for each process."""
PATIENCE_SECONDS = 5.0
"""With a server that does not answer: less than a holder may be silent."""


class Asking:
    """Called with the name of a statement and its values; raises Unavailable.

    `holder` is who this process is there, `now` a reading of another clock than the server's.
    """

    def __init__(self, links: Links, holder: bytes, now: Callable[[], float | None]) -> None:
        self._links = links
        self._holder = holder
        self._now = now

    async def __call__(self, name: str, **values: object) -> list[Record]:
        statement = STATEMENTS[name]
        values |= {"now": self._now(), "holder": self._holder}
        try:
            async with self._links.acquire(timeout=PATIENCE_SECONDS) as link:
                return await link.fetch(statement.text, *statement.arguments(values))
        except BaseException as error:
            other = translated(error)
            if other is error:
                raise
            raise other from error


@asynccontextmanager
async def open_asking(dsn: str, now: Callable[[], float | None]) -> AsyncIterator[Asking]:
    """Connect, check and migrate as `open_store` does; raises StoreUnusable."""
    links = await open_pool(
        dsn, connections=CONNECTIONS, patience_seconds=PATIENCE_SECONDS, settings=PLANS
    )
    try:
        holder = await links.fetchval(STATEMENTS["holder"].text)
        yield Asking(links, holder, now)
    finally:
        await close_pool(links)
