"""Who leads: the one whose session holds an advisory lock (docs/decisions/0013)."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg import Connection, Record

from notefly.adapters.postgres.errors import DRIVER
from notefly.adapters.postgres.session import STORE, open_session
from notefly.ports.leadership import Leadership

LOG = logging.getLogger(__name__)
TRY = f"SELECT pg_try_advisory_lock({0x6C656164 << 32} + {STORE})"
"""The letters of `lead`, and which store."""
PATIENCE_SECONDS = 2.0
"""With a server that does not answer: then somebody else may lead."""
SILENCE_SECONDS = 6.0
"""After which the server ends the session of whoever asks no more: stopped, or cut off."""


class PostgresLeadership:
    """See `Leadership`. Who leads goes on leading as long as it asks every `silence_seconds`."""

    def __init__(self, dsn: str, patience_seconds: float, silence_seconds: float) -> None:
        self._dsn = dsn
        self._patience = patience_seconds
        self._silence = f"{silence_seconds * 1000:.0f}ms"
        self._session: Connection[Record] | None = None
        self._leading = False
        self._asking = asyncio.Lock()

    async def leads(self) -> bool:
        async with self._asking:
            before = self._leading
            try:
                async with asyncio.timeout(self._patience):
                    leading = await self._ask()
            except DRIVER as error:
                LOG.debug("nobody knows who leads: %r", error)
                self.close()
                leading = False
            if leading != before:
                LOG.info("this process leads now" if leading else "this process leads no more")
            self._leading = leading
        return leading

    def close(self) -> None:
        """The lock ends with the session."""
        if self._session is not None:
            self._session.terminate()
        self._session = None
        self._leading = False

    async def _ask(self) -> bool:
        if self._session is None or self._session.is_closed():
            self._leading = False
            self._session = await open_session(
                self._dsn, self._patience, idle_session_timeout=self._silence
            )
        # What answers on this session still holds what the session took.
        return bool(await self._session.fetchval("SELECT true" if self._leading else TRY))


@asynccontextmanager
async def open_leadership(
    dsn: str,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    silence_seconds: float = SILENCE_SECONDS,
) -> AsyncIterator[PostgresLeadership]:
    """A candidate; it connects when it is asked, and another one leads soon after the block."""
    leadership = PostgresLeadership(dsn, patience_seconds, silence_seconds)
    try:
        yield leadership
    finally:
        leadership.close()


def _meets(leadership: PostgresLeadership) -> Leadership:
    return leadership
