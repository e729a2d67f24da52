"""Connections that keep the promise, and servers that cannot."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg

from notefly.adapters.postgres.errors import DRIVER
from notefly.adapters.postgres.schema import migrate
from notefly.adapters.postgres.transaction import Link, Links
from notefly.domain.errors import StoreUnusable

LOG = logging.getLogger(__name__)
OLDEST = 140_000
CONNECTIONS = 10
"""At most, for each process; one of them accepts."""
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
STARTING_SECONDS, AGAIN_SECONDS = 30.0, 0.2
STARTING = (
    asyncpg.CannotConnectNowError,
    asyncpg.CrashShutdownError,
    asyncpg.AdminShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    ConnectionResetError,
)
"""What is heard of a server that starts, or ends everybody to recover from a crash."""
COMMAND_SECONDS = 20.0
"""No statement takes as long; whoever waits longer talks to a server that is gone."""
SETTINGS = {
    "application_name": "notefly",
    # Whatever the server's own default: a commit is answered when it is on stable storage.
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    # Who stands still or is cut off in a transaction holds the counters that everybody needs:
    # the server ends it before a lease runs out.
    "idle_in_transaction_session_timeout": "5s",
    # A process that stands still may have more of them that wait for the first one's locks. They
    # give up before it is ended, or each would hold them for as long, one after the other. Half of
    # it, because a row that is waited for by several is two locks.
    "lock_timeout": "2s",
    # Statements are short and many; compiling one never pays.
    "jit": "off",
    "tcp_user_timeout": "10000",
    "client_min_messages": "warning",
}
PLANS = {
    # Of a table that fills and empties within seconds the planner's figures are always old: it goes
    # by the indexes, which are made for its statements.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
REFUSED = ("fsync", "full_page_writes")
"""Without them a power cut corrupts what was committed."""


async def open_pool(
    dsn: str,
    *,
    connections: int = CONNECTIONS,
    patience_seconds: float = COMMAND_SECONDS,
    settings: Mapping[str, str] | None = None,
    opened: Callable[[], None] | None = None,
) -> Links:
    """Connect, check the server, bring the schema up to date. Raises StoreUnusable.

    A server that is starting or recovers will soon be there: it is waited for. `opened` is told of
    each connection.
    """
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            return await _open(dsn, connections, patience_seconds, settings or {}, opened)
        except StoreUnusable as error:
            if not isinstance(error.__cause__, STARTING) or time.monotonic() > deadline:
                raise
            LOG.info("%s; it is tried again", error)
        await asyncio.sleep(AGAIN_SECONDS)


async def _open(
    dsn: str,
    connections: int,
    patience_seconds: float,
    settings: Mapping[str, str],
    opened: Callable[[], None] | None,
) -> Links:
    async def prepare(link: Link) -> None:
        if opened is not None:
            opened()
        # Ids stay the sixteen bytes that they are.
        await link.set_type_codec(
            "uuid", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
        )

    try:
        pool = await asyncpg.create_pool(
            dsn,
            # None is kept open for its own sake: the driver would log a traceback whenever the
            # server is away, and who needs one says so once.
            min_size=0,
            max_size=connections,
            timeout=CONNECT_SECONDS,
            command_timeout=patience_seconds,
            server_settings={**SETTINGS, **settings},
            statement_cache_size=500,
            init=prepare,
            # A transaction leaves nothing behind, so nothing needs to be reset.
            reset=_leave,
        )
        link = await pool.acquire()
    except (*DRIVER, ValueError) as error:
        raise StoreUnusable(f"PostgreSQL cannot be reached: {error}; see NOTEFLY_STORE") from error
    try:
        await check_server(link)
        await migrate(link)
        await pool.release(link)
    except BaseException as error:
        pool.terminate()
        if isinstance(error, DRIVER):
            raise StoreUnusable(f"PostgreSQL cannot be used as a store: {error}") from error
        raise
    return pool


async def close_pool(pool: Links) -> None:
    """What is under way is done first; a server that is gone is not waited for."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def check_server(link: Link) -> None:
    """Raises StoreUnusable for a server that can lose what it committed, or is too old."""
    version = int(await link.fetchval("SHOW server_version_num"))
    if version < OLDEST:
        raise StoreUnusable(
            f"PostgreSQL {version // 10_000} is too old: use {OLDEST // 10_000} or newer"
        )
    for setting in REFUSED:
        if await link.fetchval(f"SHOW {setting}") != "on":
            raise StoreUnusable(
                f"PostgreSQL runs with {setting}=off and can lose what was accepted: run "
                f"ALTER SYSTEM SET {setting} = on; SELECT pg_reload_conf(); and start again"
            )


async def _leave(_link: object) -> None:
    pass


async def connect(dsn: str, settings: dict[str, str] | None = None) -> Link:
    """One connection, for whoever reads for a moment. Raises StoreUnusable."""
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, server_settings=settings)
    except (*DRIVER, ValueError) as error:
        raise StoreUnusable(f"PostgreSQL cannot be reached: {error}; see NOTEFLY_STORE") from error


async def examine(dsn: str) -> tuple[str, datetime]:
    """The server's version and what its clock says; nothing is changed there.

    Raises StoreUnusable where it would be refused at start.
    """
    link = await connect(dsn)
    try:
        await check_server(link)
        version = await link.fetchval("SHOW server_version")
        at = await link.fetchval("SELECT clock_timestamp()")
    finally:
        await link.close()
    return version, at
