"""What `notefly doctor` looks at. Each check says what it found, and what would mend it."""

import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx2

from notefly.adapters.sqlite.connection import check_version, store_path
from notefly.cli import ports
from notefly.cli.broker_link import BrokerLink
from notefly.cli.failure import Failed
from notefly.cli.finding import Finding
from notefly.cli.place_checks import examine_place
from notefly.cli.server_checks import examine_servers
from notefly.config import Settings, origin, reachable
from notefly.domain.errors import StoreUnusable

SKEW_SECONDS = 5.0
FIRST_PYTHON = (3, 11)
FIRST_QUART, QUART_TOO_NEW = (0, 22), (0, 23)


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


def _quart(_: Surroundings) -> Iterator[Finding]:
    """Quart 0.23 wants Python 3.13; the range is the one of pyproject.toml."""
    found = version("quart")
    what = f"{found} on Python {sys.version_info.major}.{sys.version_info.minor}"
    release = tuple(int(part) for part in found.split(".")[:2])
    if FIRST_QUART <= release < QUART_TOO_NEW:
        yield Finding("Quart", "ok", what)
    else:
        first, last = (".".join(map(str, one)) for one in (FIRST_QUART, QUART_TOO_NEW))
        yield Finding("Quart", "bad", what, f"pip install 'quart>={first},<{last}'")


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


def _broker(around: Surroundings) -> Iterator[Finding]:
    url = around.settings.broker_url
    if around.broker_date is None:
        yield Finding("broker", "note", f"nobody answers at {url}", "notefly up")
    else:
        yield Finding("broker", "ok", f"answers at {url}")


def _chaos(around: Surroundings) -> Iterator[Finding]:
    """Worth a word: whoever wonders about failures may have forgotten it."""
    if around.broker_date is None:
        return
    with BrokerLink(around.settings) as link, suppress(Failed):
        channels = link.get("/v1/chaos")["channels"]
        if names := [name for name, dials in channels.items() if any(dials.values())]:
            detail = f"on, for {', '.join(names)}: what fails there fails on purpose"
            mend = f"turn it off: {origin('localhost', around.settings.client_port)}/chaos"
            yield Finding("chaos", "note", detail, mend)


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


def _place(around: Surroundings) -> Iterator[Finding]:
    if not around.settings.store:
        yield from examine_place(around.settings, broker=around.broker_date is not None)


def _servers(around: Surroundings) -> Iterator[Finding]:
    yield from examine_servers(around.settings)


CHECKS: tuple[Callable[[Surroundings], Iterator[Finding]], ...] = (
    _python,
    _quart,
    _sqlite,
    _ports,
    _place,
    _servers,
    _broker,
    _chaos,
    _clock,
)
