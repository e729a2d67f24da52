"""What `notefly doctor` finds out about the place where a store in a file lies."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from filelock import FileLock, Timeout

from notefly.adapters.sqlite.connection import store_path
from notefly.adapters.sqlite.ownership import LOCK
from notefly.cli.finding import Finding
from notefly.config import Settings

FSYNCS = 20
SLOW_SECONDS, UNREAL_SECONDS = 0.020, 0.000_020


def examine_place(settings: Settings, *, broker: bool) -> Iterator[Finding]:
    """Its directory, its lock and its disk; `broker`: whether one answers."""
    folder = settings.data_dir.absolute()
    place = _nearest(folder)
    problem = "is no directory" if not place.is_dir() else "cannot be written"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        mend = "set NOTEFLY_DATA_DIR to another directory"
        yield Finding("data directory", "bad", f"{place} {problem}", mend)
        return
    yield Finding("data directory", "ok", f"{folder}{_state_of(folder)}")
    yield _lock(folder / LOCK, settings.broker_url, broker=broker)
    yield from _fsync(place)


def _nearest(folder: Path) -> Path:
    """It, or the closest parent that is there already."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _state_of(folder: Path) -> str:
    return "" if store_path(folder).exists() else ", empty yet"


def _lock(lock: Path, url: str, *, broker: bool) -> Finding:
    """One broker at a time has it; that nobody answers who has it is worth a look."""
    if not _held(lock):
        return Finding("lock", "ok", "free")
    if broker:
        return Finding("lock", "ok", "held by the running broker")
    mend = f"`fuser {lock}` names it: stop it, or set NOTEFLY_BROKER_URL to where it answers"
    return Finding("lock", "bad", f"held by a process, but nobody answers at {url}", mend)


def _held(lock: Path) -> bool:
    try:
        if lock.exists():
            with FileLock(lock, timeout=0):
                pass
    except Timeout:
        return True
    return False


def _fsync(place: Path) -> Iterator[Finding]:
    """Every publish waits for one of these, together with all that arrive meanwhile."""
    took = []
    with tempfile.TemporaryFile(dir=place) as file:
        for _ in range(FSYNCS):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    middle = median(took)
    detail = f"{middle * 1000:.2f} ms in the middle, {max(took) * 1000:.2f} ms at most"
    if middle > SLOW_SECONDS:
        yield Finding("fsync", "note", detail, "a publish takes as long: use a faster disk")
    elif middle < UNREAL_SECONDS:
        mend = "this may be memory and lose what it holds: set NOTEFLY_DATA_DIR to a real disk"
        yield Finding("fsync", "note", detail, mend)
    else:
        yield Finding("fsync", "ok", detail)
