"""Open the file the way the promise needs it, and refuse what cannot keep it."""

from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import apsw

from notefly.domain.errors import StoreUnusable

FIRST_SOUND = (3, 51, 3)
"""Before it, a race of two connections could corrupt a WAL (sqlite.org, "WAL-reset bug")."""
BUSY_MILLISECONDS = 10_000
WRITER_CACHE_KIB = 16_384
READER_CACHE_KIB = 4_096
WAL_KEPT_BYTES = 64 << 20
MEMORY = ":memory:"
MIGRATIONS: Traversable = files("notefly.adapters.sqlite") / "migrations"


def check_version(version: str = "") -> str:
    """The version of SQLite in use. Raises StoreUnusable for one that is known to corrupt."""
    found = version or apsw.sqlite_lib_version()
    if tuple(int(part) for part in found.split(".")) < FIRST_SOUND:
        wanted = ".".join(map(str, FIRST_SOUND))
        raise StoreUnusable(
            f"SQLite {found} can corrupt a store; {wanted} or newer is needed: "
            "reinstall apsw from its own wheel"
        )
    return found


def open_writer(path: str) -> apsw.Connection:
    """The one connection that writes and checkpoints; every commit is on stable storage.

    Raises StoreUnusable when the file cannot be opened or is not a Notefly store.
    """
    check_version()
    try:
        if path != MEMORY:
            # Addresses and secrets are its owner's; the files beside it take its mode.
            with suppress(OSError):
                Path(path).touch(mode=0o600)
        connection = apsw.Connection(path)
        _pragmas(connection, WRITER_CACHE_KIB)
        mode = _one(connection, "PRAGMA journal_mode = WAL")
        if mode != "wal" and path != MEMORY:
            raise StoreUnusable(f"the store {path} is on a file system without WAL ({mode})")
        # What a long reader made of the WAL is given back when it begins anew.
        _one(connection, f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        _writes(connection)
        _settle(connection)
        migrate(connection)
    except apsw.Error as error:
        raise StoreUnusable(f"the store {path} cannot be opened: {error}") from error
    return connection


def _settle(connection: apsw.Connection) -> None:
    """What a dead process committed may not be on the disk yet, and is answered for from now on.

    It was read from the WAL as the system remembers it; a checkpoint syncs that, writes and syncs
    the pages once more, and empties it of whom the dead process had erased. Without room for them,
    or beside a reader, the sync alone was done, which is enough.
    """
    with suppress(apsw.FullError, apsw.BusyError):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def open_reader(path: str, *, earlier: bool = False) -> apsw.Connection:
    """A connection that cannot write; `earlier` reads a store that is to be migrated, too.

    Raises StoreUnusable when there is none that can be read.
    """
    check_version()
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        _pragmas(connection, READER_CACHE_KIB)
        _one(connection, "PRAGMA query_only = ON")
        connection.wal_autocheckpoint(0)
        if not earlier:
            _refuse_other(connection)
    except apsw.Error as error:
        raise StoreUnusable(f"there is no readable store at {path}: {error}") from error
    return connection


def open_guest(path: str) -> apsw.Connection:
    """A second connection that writes, for a moment, see `guest`. Raises StoreUnusable.

    It never changes the schema: a broker may be running on it.
    """
    check_version()
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        _pragmas(connection, READER_CACHE_KIB)
        _writes(connection)
        _refuse_other(connection)
    except apsw.Error as error:
        raise StoreUnusable(f"the store {path} cannot be opened: {error}") from error
    return connection


def migrate(connection: apsw.Connection, folder: Traversable | None = None) -> None:
    """Bring the schema up to date, one migration a transaction; they only go forward.

    Killed in between it goes on where it was: a migration and its number are one commit.
    """
    scripts = migrations(folder)
    version = refuse_newer(connection, scripts)
    for number, script in scripts.items():
        if number > version:
            with connection:
                for _ in connection.execute(script):
                    pass
                _one(connection, f"PRAGMA user_version = {number}")


def migrations(folder: Traversable | None = None) -> dict[int, str]:
    """The scripts by number, in order; without a folder, those of this Notefly."""
    folder = MIGRATIONS if folder is None else folder
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(name[:4]): (folder / name).read_text("utf-8") for name in names}


def refuse_newer(connection: apsw.Connection, scripts: Mapping[int, str]) -> int:
    """The schema's number. Raises StoreUnusable for one that came after these scripts."""
    version, newest = _one(connection, "PRAGMA user_version"), max(scripts)
    if not isinstance(version, int) or version > newest:
        raise StoreUnusable(
            f"the store has schema {version}, this Notefly knows {newest}: update Notefly"
        )
    return version


def _refuse_other(connection: apsw.Connection) -> None:
    """A reader cannot migrate, and would miss tables or columns."""
    scripts = migrations()
    if (version := refuse_newer(connection, scripts)) < max(scripts):
        raise StoreUnusable(
            f"the store has schema {version}, this Notefly reads {max(scripts)}: "
            "start the broker of this version once, it brings the store up to date"
        )


def _pragmas(connection: apsw.Connection, cache_kib: int) -> None:
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    _one(connection, f"PRAGMA cache_size = -{cache_kib}")
    _one(connection, "PRAGMA temp_store = MEMORY")
    # Otherwise a statement with a bound LIMIT, or one that sorts, is compiled again for each value.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


def _writes(connection: apsw.Connection) -> None:
    """What every commit owes."""
    _one(connection, "PRAGMA synchronous = FULL")
    # macOS: to the platter, not to the drive's cache.
    _one(connection, "PRAGMA fullfsync = ON")
    # What was erased is overwritten, not only forgotten.
    _one(connection, "PRAGMA secure_delete = ON")
    # The writer checkpoints by itself, between transactions, so that no commit has to.
    connection.wal_autocheckpoint(0)


def _one(connection: apsw.Connection, statement: str) -> object:
    """The first value; apsw runs a pragma only as its rows are read, so all of them are."""
    rows = list(connection.execute(statement))
    return rows[0][0] if rows else None


def store_path(data_dir: Path) -> Path:
    """Where the store lies in a data directory."""
    return data_dir / "notefly.db"
