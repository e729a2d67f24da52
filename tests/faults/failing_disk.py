"""A disk that fails from some write or sync on: a VFS of SQLite between the product and its file.

`install_shim` makes every process of a product load it at its start. The environment says what
fails: `FAILING_DISK=wal-sync:12:/path` is the twelfth sync of the WAL after that path exists, and
every later one. A failed sync has not reached the disk; a failed write is half there.
"""

import os
from itertools import count
from pathlib import Path

import apsw
from typing_extensions import override

from notefly.adapters.sqlite import wal

SETTING = "FAILING_DISK"
WAL_SYNC, STORE_SYNC, WAL_WRITE = "wal-sync", "store-sync", "wal-write"
CODES = {
    WAL_SYNC: apsw.SQLITE_IOERR_FSYNC,
    STORE_SYNC: apsw.SQLITE_IOERR_FSYNC,
    WAL_WRITE: apsw.SQLITE_IOERR_WRITE,
}
CHECKPOINT_PAGES = 100
LOADER = """
import os

if os.environ.get("FAILING_DISK"):
    from tests.faults import failing_disk

    failing_disk.insert(os.environ["FAILING_DISK"])
if os.environ.get("PLANTED_IN_STORAGE"):
    from tests.faults import storage_bugs

    storage_bugs.plant()
"""


class Plan:
    """What fails, and when."""

    def __init__(self, setting: str) -> None:
        self._what, nth, armed = setting.split(":", 2)
        self._nth = int(nth)
        self._armed = Path(armed)
        self._seen = count(1)
        self._failing = False

    def fails(self, what: str) -> bool:
        """Whether this one does; it is counted."""
        if what != self._what or not (self._failing or self._armed.exists()):
            return False
        self._failing = self._failing or next(self._seen) >= self._nth
        return self._failing


class FailingFile(apsw.VFSFile):
    """A file of the product."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], plan: Plan) -> None:
        super().__init__("unix", name, flags)
        kinds = {apsw.SQLITE_OPEN_WAL: "wal", apsw.SQLITE_OPEN_MAIN_DB: "store"}
        self._kind = next((kind for flag, kind in kinds.items() if flags[0] & flag), "other")
        self._plan = plan

    @override
    def xSync(self, flags: int) -> None:
        self._perhaps(f"{self._kind}-sync")
        super().xSync(flags)

    @override
    def xWrite(self, data: bytes, offset: int) -> None:
        try:
            self._perhaps(f"{self._kind}-write")
        except apsw.IOError:
            super().xWrite(data[: len(data) // 2], offset)
            raise
        super().xWrite(data, offset)

    def _perhaps(self, what: str) -> None:
        if self._plan.fails(what):
            error = apsw.IOError(f"planted: {what}")
            error.extendedresult = CODES[what]  # type: ignore[attr-defined] # as apsw reads it
            raise error


class FailingDisk(apsw.VFS):
    """Registered as the default one, so that the product opens its store through it."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("failing", "unix", makedefault=True)
        self._plan = plan

    @override
    def xFullPathname(self, name: str) -> str:
        """The base one tells of a symbolic link by a code that apsw takes for an error."""
        return os.path.realpath(name)

    @override
    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return FailingFile(name, flags, self._plan)


INSERTED: list[FailingDisk] = []
"""SQLite holds no reference of its own."""


def insert(setting: str) -> None:
    """Called when a process of the product starts."""
    # So that a short load comes to many checkpoints.
    wal.CHECKPOINT_PAGES = CHECKPOINT_PAGES
    INSERTED.append(FailingDisk(Plan(setting)))


def install_shim(site: Path) -> None:
    """Into a folder that is on the path of the product's processes."""
    (site / "sitecustomize.py").write_text(LOADER)
