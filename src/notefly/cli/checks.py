"""What `notefly doctor` looks at. Each check says what it found, and what would mend it."""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from statistics import median

import httpx2
from filelock import FileLock, Timeout

from notefly.adapters.sqlite.connection import check_version, store_path
from notefly.adapters.sqlite.ownership import LOCK
from notefly.cli import ports
from notefly.cli.finding import Finding
from notefly.cli.server_checks import examine_servers
from notefly.config import Settings, origin, reachable
from notefly.domain.errors import StoreUnusable

FSYNCS = 20
SLOW_SECONDS, UNREAL_SECONDS = 0.020, 0.000_020
SKEW_SECONDS = 5.0
FIRST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What several checks need to know."""

    settings: Settings
    broker_date: datetime | None
    """What the running broker's clock says; None without a broker."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check in turn; none of them changes anything that stays."""
    around = Surroundings(settings, _broker_date(settings))
    for check in CHECKS:
        yield from check(around)


def _broker_date(settings: Settings) -> datetime | None:
    try:
        answer = httpx2.get(f"{settings.broker_url}/healthz", timeout=2.0, trust_env=False)
        if answer.is_success and answer.json().get("status") == "ok":
            return parsedate_to_datetime(answer.headers["Date"])
    except (httpx2.HTTPError, ValueError, AttributeError, KeyError):
        pass
    return None


def _python(_: Surroundings) -> Iterator[Finding]:
    found = platform.python_version()
    if sys.version_info >= FIRST_PYTHON:
        yield Finding("Python", "ok", found)
    else:
        yield Finding("Python", "bad", found, "install Python 3.11 or newer")


def _sqlite(_: Surroundings) -> Iterator[Finding]:
    try:
        yield Finding("SQLite", "ok", f"{check_version()}, without the WAL-reset bug")
    except StoreUnusable as error:
        detail, _colon, mend = str(error).partition(": ")
        yield Finding("SQLite", "bad", detail, mend)


def _ports(around: Surroundings) -> Iterator[Finding]:
    settings = around.settings
    running = around.broker_date is not None
    for name, host, port in (
        ("broker", settings.host, settings.broker_port),
        ("client", settings.client_host, settings.client_port),
    ):
        what, variable = f"port {port} ({name})", f"NOTEFLY_{name.upper()}_PORT"
        trouble = ports.trouble(host, port)
        if not trouble:
            yield Finding(what, "ok", "free")
        elif running and _ours(reachable(host), port):
            yield Finding(what, "ok", f"the {name} is running there")
        else:
            yield Finding(what, "bad", trouble, f"stop what uses it, or set {variable}")


def _ours(host: str, port: int) -> bool:
    try:
        answer = httpx2.get(f"{origin(host, port)}/healthz", timeout=2.0, trust_env=False)
        return bool(answer.is_success and answer.json().get("status") == "ok")
    except (httpx2.HTTPError, ValueError, AttributeError):
        return False


def _data_dir(around: Surroundings) -> Iterator[Finding]:
    if around.settings.store:
        return
    folder = around.settings.data_dir.absolute()
    place = _nearest(folder)
    problem = "is no directory" if not place.is_dir() else "cannot be written"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        mend = "set NOTEFLY_DATA_DIR to another directory"
        yield Finding("data directory", "bad", f"{place} {problem}", mend)
        return
    yield Finding("data directory", "ok", f"{folder}{_state_of(folder)}")
    yield from _fsync(place)


def _state_of(folder: Path) -> str:
    if not store_path(folder).exists():
        return ", empty yet"
    lock = folder / LOCK
    try:
        if lock.exists():
            with FileLock(lock, timeout=0):
                pass
    except Timeout:
        return ", in use by a running broker"
    return ", no broker on it"


def _nearest(folder: Path) -> Path:
    """It, or the closest parent that is there already."""
    return next(place for place in (folder, *folder.parents) if place.exists())


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


def _broker(around: Surroundings) -> Iterator[Finding]:
    url = around.settings.broker_url
    if around.broker_date is None:
        yield Finding("broker", "note", f"nobody answers at {url}", "notefly up")
    else:
        yield Finding("broker", "ok", f"answers at {url}")


def _clock(around: Surroundings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    mend = "set the clock: timedatectl set-ntp true"
    store = store_path(around.settings.data_dir)
    written = datetime.fromtimestamp(store.stat().st_mtime, UTC) if store.exists() else now
    for other, whose in ((around.broker_date, "the broker's clock"), (written, "the store")):
        if other and (other - now).total_seconds() > SKEW_SECONDS:
            yield Finding("clock", "bad", f"{now:%Y-%m-%d %H:%M:%S} UTC is behind {whose}", mend)
            return
    yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _servers(around: Surroundings) -> Iterator[Finding]:
    yield from examine_servers(around.settings)


CHECKS: tuple[Callable[[Surroundings], Iterator[Finding]], ...] = (
    _python,
    _sqlite,
    _ports,
    _data_dir,
    _servers,
    _broker,
    _clock,
)
