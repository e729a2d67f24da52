"""The store as commands use it: for a moment, beside a running broker or without one."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path

from notefly.adapters.metrics import PrometheusMeter
from notefly.adapters.sqlite import backup as backups
from notefly.adapters.sqlite.audit import SqliteAudit
from notefly.adapters.sqlite.connection import store_path
from notefly.adapters.sqlite.guest import visiting
from notefly.adapters.sqlite.keys import SqliteKeys
from notefly.adapters.sqlite.ownership import owning
from notefly.adapters.system import SystemClock, SystemIds
from notefly.application.keys import Keys
from notefly.application.verify import Verify, outcomes
from notefly.bootstrap.extras import extra
from notefly.config import Settings
from notefly.domain.errors import StoreUnusable
from notefly.domain.log import Looked, Proved, Violation
from notefly.ports.audit import Audit
from notefly.ports.key_store import KeyStore


@asynccontextmanager
async def keys(settings: Settings, *, create: bool = False) -> AsyncIterator[Keys]:
    """The keys of a store, running broker or not; with `create` it is made. Raises StoreUnusable.

    What is changed here, a running broker knows within a second.
    """
    async with _key_store(settings, create=create) as store:
        yield Keys(store, SystemClock(), SystemIds())


def _key_store(settings: Settings, *, create: bool) -> AbstractAsyncContextManager[KeyStore]:
    if settings.store:
        with extra("postgres", "NOTEFLY_STORE"):
            from notefly.adapters.postgres.keys import open_keys
        return open_keys(settings.store, SystemClock(), PrometheusMeter())
    return _file_keys(settings.data_dir, create=create)


@asynccontextmanager
async def _file_keys(data_dir: Path, *, create: bool) -> AsyncIterator[KeyStore]:
    with visiting(data_dir, create=create) as guest:
        yield SqliteKeys(guest)


def prove(
    settings: Settings, store: Path | None = None
) -> AsyncIterator[Looked | Violation | Proved]:
    """Check the store as it stands, running broker or not, or a file that is a store.

    Raises StoreUnusable without one.
    """
    return Verify(_audit(settings) if store is None else SqliteAudit(str(store)))()


def verify(settings: Settings) -> AsyncIterator[tuple[str, Violation | None]]:
    """The same of the store of the settings, and only what came of it."""
    return outcomes(prove(settings))


def _audit(settings: Settings) -> Audit:
    if not settings.store:
        return SqliteAudit(str(store_path(settings.data_dir)))
    with extra("postgres", "NOTEFLY_STORE"):
        from notefly.adapters.postgres.audit import PostgresAudit
    return PostgresAudit(settings.store)


async def examine_store(settings: Settings) -> tuple[str, datetime]:
    """Version and clock of the server that the store is on. Raises StoreUnusable."""
    with extra("postgres", "NOTEFLY_STORE"):
        from notefly.adapters.postgres.connection import examine
    return await examine(settings.store)


async def examine_queue(settings: Settings, patience_seconds: float) -> tuple[str, list[str]]:
    """Name and version of its server, and what is better mended: `what is wrong; how to mend it`.

    Raises SettingsInvalid, QueueUnusable and Unavailable.
    """
    if settings.queue_on_redis:
        with extra("redis", "NOTEFLY_QUEUE"):
            from notefly.adapters.redis.server import examine
    else:
        with extra("nats", "NOTEFLY_QUEUE"):
            from notefly.adapters.jetstream.examining import examine
    return await examine(settings.queue, patience_seconds)


def back_up(settings: Settings, target: Path, *, force: bool) -> None:
    """One consistent file of the store, running broker or not; see `backups.back_up`."""
    _require_file(settings, "back it up with pg_dump")
    backups.back_up(store_path(settings.data_dir), target, force=force)


def restore(settings: Settings, backup: Path) -> Path | None:
    """Replace the store by a backup; gives where the old one went. Raises StoreLocked too."""
    _require_file(settings, "restore it with pg_restore")
    with owning(settings.data_dir):
        store = store_path(settings.data_dir)
        return backups.restore(backup, store, SystemClock().now())


def _require_file(settings: Settings, instead: str) -> None:
    if settings.store:
        raise StoreUnusable(f"the store is on PostgreSQL (NOTEFLY_STORE): {instead}")
