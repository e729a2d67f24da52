"""One consistent file of a store that may be in use, and the way back.

A backup is of one moment: its read transaction stays open until every page is copied, so that
writers go on in the WAL and nothing has to be copied twice. It takes no lock that a writer needs.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import apsw

from notefly.adapters.sqlite.connection import check_version, migrations, refuse_newer
from notefly.adapters.sqlite.transaction import STATEMENTS
from notefly.domain.errors import Conflict, StoreUnusable

LOG = logging.getLogger(__name__)

STEP_PAGES = 256
"""1 MB at a time."""
SYNC_BYTES = 16 << 20
"""Written back this often: a disk with gigabytes to write would hold up the commits beside it."""
EVENTS_SKIPPED = 2**32
"""More than there can have been since the backup."""
MAGIC = b"SQLite format 3\0"
UNFINISHED = ".unfinished"
BUSY_MILLISECONDS = 10_000


def back_up(store: Path, target: Path, *, force: bool) -> None:
    """Write the store as it is now; the file appears at `target` whole, checked and synced, or not.

    Raises Conflict when there is a file and `force` does not say that it may go, StoreUnusable
    when there is no store or the copy is not sound.
    """
    if target.exists() and not force:
        raise Conflict(f"{target} exists: choose another name, or say --force to replace it")
    unfinished = target.with_name(target.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    try:
        with _translated(store), closing(_opened(store)) as source:
            _copy(source, unfinished)
        examine(unfinished)
        _sync(unfinished)
        unfinished.replace(target)
        _sync(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def restore(backup: Path, store: Path, at: datetime) -> Path | None:
    """Put the backup in the place of the store, whose lock the caller holds.

    What it replaces is kept beside it: its new name, None where there was nothing. Killed in
    between, the store is the old one or the new one, if the old one could still be opened. Raises
    StoreUnusable when the backup is not sound or too new; then nothing was changed.
    """
    examine(backup)
    given = _folded(store) if store.exists() else 0
    unfinished = store.with_name(store.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    try:
        with _translated(backup), closing(_opened(backup)) as source:
            _copy(source, unfinished)
        _skip_events(unfinished, given)
        examine(unfinished)
        _sync(unfinished)
        kept = _set_aside(store, at)
        unfinished.replace(store)
        _sync(store.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return kept


def examine(file: Path) -> None:
    """Raises StoreUnusable when it is no sound store, or one of a newer Notefly."""
    with _translated(file), closing(_opened(file)) as connection:
        refuse_newer(connection, migrations())
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
        if found != ["ok"]:
            raise StoreUnusable(f"{file} is damaged: {found[0]}")
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").fetchall():
            raise StoreUnusable(f"{file} is no store of Notefly")


def _copy(source: apsw.Connection, target: Path) -> None:
    """Page by page, from one moment; the result is a single file without a WAL."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(apsw.Connection(str(target))) as copied:
        # Nothing of it counts before it is whole, and then it is synced as one.
        copied.execute("PRAGMA synchronous = OFF").fetchall()
        source.execute("BEGIN; SELECT count(*) FROM sqlite_schema").fetchall()
        page_size = int(str(source.pragma("page_size")))
        handle, unsynced = os.open(target, os.O_RDONLY), 0
        try:
            with copied.backup("main", source, "main") as pages:
                while not pages.done:
                    pages.step(STEP_PAGES)
                    unsynced += STEP_PAGES * page_size
                    if unsynced >= SYNC_BYTES:
                        os.fsync(handle)
                        unsynced = 0
        finally:
            os.close(handle)
        copied.execute("PRAGMA journal_mode = DELETE").fetchall()


def _skip_events(restored: Path, given: int) -> None:
    """Who followed the events of the replaced store must not take new ones for those."""
    with _translated(restored), closing(apsw.Connection(str(restored))) as connection:
        newest = max(_last_event(connection), given) + EVENTS_SKIPPED
        connection.execute(STATEMENTS["figures.skip_events"], (newest,)).fetchall()


def _last_event(connection: apsw.Connection) -> int:
    [(last,)] = connection.execute(STATEMENTS["figures.last_event"]).fetchall()
    return int(str(last))


def _folded(store: Path) -> int:
    """Fold the store into one file, so that one rename exchanges it; the last event id it gave.

    One that is too broken for that keeps its WAL beside it, and 0 is said.
    """
    with store.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return 0  # Opening it would throw its WAL away.
    try:
        with closing(apsw.Connection(str(store))) as connection:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            return _last_event(connection)
    except apsw.BusyError as error:
        raise StoreUnusable(f"somebody reads {store}: stop them, then restore again") from error
    except apsw.Error as error:
        LOG.warning("the old store is kept as it lies there: %s", error)
        return 0


def _set_aside(store: Path, at: datetime) -> Path | None:
    """The old store under another name; what its WAL holds goes with it."""
    if not store.exists():
        return None
    kept = store.with_name(f"{store.name}.replaced-{at:%Y%m%dT%H%M%S.%fZ}")
    log, index = (store.with_name(store.name + end) for end in ("-wal", "-shm"))
    if log.exists():
        log.rename(kept.with_name(kept.name + "-wal"))
        store.rename(kept)
    else:
        os.link(store, kept)
    index.unlink(missing_ok=True)
    _sync(store.parent)
    return kept


def _opened(file: Path) -> apsw.Connection:
    """Of any schema: a backup is what one makes before an update."""
    check_version()
    if not file.exists():
        raise StoreUnusable(f"there is no store at {file}")
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    connection.execute("PRAGMA query_only = ON").fetchall()
    connection.wal_autocheckpoint(0)
    return connection


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except apsw.FullError as error:
        raise StoreUnusable(f"there is no room for a copy of {file}: make some") from error
    except apsw.Error as error:
        raise StoreUnusable(f"{file} cannot be copied: {error}") from error


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
