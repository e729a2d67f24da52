"""The only reader of the environment and of files: what they say becomes a frozen `Settings`.

`NOTEFLY_*` in the environment beats `notefly.toml` in the working directory, which beats the
defaults. Everything that is wrong is told at once, each with the way to mend it.
"""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from notefly.config.showing import MASK, Shown, masked
from notefly.config.values import OFF, PARSERS

PREFIX = "NOTEFLY_"
FILE = "notefly.toml"
DEFAULT = "default"
DEFAULT_RATE_LIMIT = "6000/minute"
"""Beyond loopback: 100 a second from each caller is a busy client, and no flood."""
DEFAULT_STREAM_LIMIT = 200
"""Beyond loopback: nobody has more than a fiftieth of the connections."""
# What Kubernetes injects for a Service that is called notefly: no typing mistakes of anybody.
SERVICE_LINK = re.compile(r"NOTEFLY_(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_.+)?)")


class SettingsInvalid(Exception):  # noqa: N818 - reads as what it says
    """Settings that cannot be used; `problems` says for each which, why, and what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _measured(default: Any, unit: str) -> Any:
    """A field of `Settings` that is a number of something."""
    return field(default=default, metadata={"unit": unit})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default. Built directly it is taken as it is; `load` checks."""

    data_dir: Path = Path("notefly-data")
    host: str = "127.0.0.1"
    broker_port: int = 5001
    client_port: int = 5000
    broker_url: str = ""
    """Where the client and the commands find the broker; made of host and port unless set."""
    mocks: bool = True
    categories: tuple[str, ...] = ("finance", "movies", "sports")
    channels: tuple[str, ...] = ("sms", "email", "push")
    store: str = field(default="", repr=False)
    """Empty: SQLite inside `data_dir`. Otherwise the address of a server."""
    queue: str = field(default="", repr=False)
    """Empty: in the store. Otherwise the address of a server; it needs a store on one, too."""
    queue_replicas: int = _measured(1, "nodes")
    """Nodes of a NATS cluster that keep each batch."""
    broker_delivers: bool = True
    """No: a broker accepts, plans and answers, and `notefly worker`s deliver."""
    concurrency: int = _measured(4, "groups")
    """Groups of batches under way at once on each channel that is called, in each process."""
    require_keys: bool = False
    api_key: str = field(default="", repr=False)
    """What the client and the commands present to the broker."""
    public_url: str = ""
    """How subscribers reach the broker: what their links begin with. Empty: as it was called."""
    channel_seconds: float = _measured(30.0, "seconds")
    """What a hand-over may take on a channel that is not built in; then its process is ended."""
    channel_memory: int = _measured(1024, "MiB")
    """MiB that such a process may use; kept on Linux only."""
    rate_limit: str = ""
    """Requests of one caller, like `600/minute`, or `off`. Empty: none on loopback, else
    `DEFAULT_RATE_LIMIT`."""
    stream_limit: int = _measured(0, "streams")
    """Event streams that one caller may have open. 0: any number on loopback, else
    `DEFAULT_STREAM_LIMIT`."""
    backlog: int = _measured(10_000_000, "deliveries")
    """Deliveries that may wait; at so many nothing more is accepted until some have ended."""
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least; `debug` lets the libraries speak too."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names, besides the loopback ones, under which pages and API may be called."""
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each value came from: `default`, a `NOTEFLY_…` variable, or `notefly.toml`."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    console_digest: str = field(default="", repr=False, compare=False)
    """SHA-256 of the key that `notefly up` made for its own console; nobody else sets it."""

    def __post_init__(self) -> None:
        if not self.broker_url:
            address = origin(reachable(self.host), self.broker_port)
            object.__setattr__(self, "broker_url", address)

    @property
    def keys_required(self) -> bool:
        """Whoever can be reached from outside wants keys, asked or not."""
        return self.require_keys or not loopback(self.host)

    @property
    def rate_limit_in_force(self) -> str | None:
        """Whoever can be reached from outside has one, unless it is switched off."""
        if self.rate_limit == OFF or (not self.rate_limit and loopback(self.host)):
            return None
        return self.rate_limit or DEFAULT_RATE_LIMIT

    @property
    def stream_limit_in_force(self) -> int | None:
        """Whoever can be reached from outside has one."""
        return self.stream_limit or (None if loopback(self.host) else DEFAULT_STREAM_LIMIT)

    @property
    def queue_on_redis(self) -> bool:
        """A queue on a server is on Redis or on NATS."""
        return self.queue.startswith("redis")

    @property
    def client_host(self) -> str:
        """The console has no login, so it listens to this machine only."""
        return self.host if loopback(self.host) else "127.0.0.1"

    def shown(self) -> Iterator[Shown]:
        """Every setting."""
        for one in SETTABLE:
            name, value = one.name, getattr(self, one.name)
            shown = (value and MASK) if name in SECRET else masked(value)
            unit = one.metadata.get("unit", "")
            yield Shown(name, shown, unit, self.sources.get(name, DEFAULT))


SECRET = frozenset({"api_key"})
"""Settings that are never shown, set or not."""
UNSETTABLE = frozenset({"sources", "warnings", "console_digest"})
SETTABLE = tuple(f for f in fields(Settings) if f.name not in UNSETTABLE)
NAMES = tuple(f.name for f in SETTABLE)


def loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def reachable(host: str) -> str:
    """The address to call for a server that listens on `host`: "everywhere" is no address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound


def origin(host: str, port: int) -> str:
    """The URL of a host and port; IPv6 in brackets (RFC 3986, 3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def load(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """What the environment and `notefly.toml` in `folder` say. Raises SettingsInvalid."""
    environ = os.environ if environ is None else environ
    written = _read(Path() if folder is None else folder)
    problems = [f"{FILE}: {_unknown(name)}" for name in written if name not in PARSERS]
    values: dict[str, object] = {}
    sources = dict.fromkeys(NAMES, DEFAULT)
    for name, raw, source in _found(environ, written):
        try:
            values[name], sources[name] = PARSERS[name](raw), source
        except ValueError as error:
            problems.append(f"{f'{FILE}: {name}' if source == FILE else source} {error}")
    settings = Settings(
        **values,  # type: ignore[arg-type] # a parser returns its field's type; the tests look
        sources=MappingProxyType(sources),
        warnings=tuple(_strangers(environ)),
    )
    problems += _contradictions(settings)
    if problems:
        raise SettingsInvalid(problems)
    return settings


def _found(
    environ: Mapping[str, str], written: Mapping[str, object]
) -> Iterator[tuple[str, object, str]]:
    """An empty variable counts as absent: `X=${X:-}` in a compose file means "not set"."""
    for name in NAMES:
        variable = PREFIX + name.upper()
        if environ.get(variable):
            yield name, environ[variable], variable
        elif name in written:
            yield name, written[name], FILE


def _read(folder: Path) -> Mapping[str, object]:
    path = folder / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsInvalid([f"{path} cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid([f"{path} is not UTF-8; save it as UTF-8"]) from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid([f"{path} is not TOML: {error}"]) from error


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.client_port == settings.broker_port:
        yield (
            f"client_port and broker_port are both {settings.client_port}; "
            f"give one of them another, with {PREFIX}CLIENT_PORT or {PREFIX}BROKER_PORT"
        )
    if settings.queue and not settings.store:
        yield (
            f"{settings.sources['queue']}: a queue on a server is for several processes, which "
            f"cannot read a file in data_dir: set {PREFIX}STORE=postgresql://… too"
        )
    if not settings.broker_delivers and not settings.store:
        yield (
            f"{settings.sources['broker_delivers']}: workers need a store that they can reach: "
            f"set {PREFIX}STORE=postgresql://… too, or let the broker deliver"
        )


def _strangers(environ: Mapping[str, str]) -> Iterator[str]:
    """A warning and no error: others may have put variables of that prefix there."""
    for variable in sorted(environ):
        name = variable.removeprefix(PREFIX)
        known = name.lower() in PARSERS and name.isupper()
        if name != variable and not known and not SERVICE_LINK.fullmatch(variable):
            yield f"{_unknown(variable)}; it is ignored"


def _unknown(shown: str) -> str:
    prefix = PREFIX if shown.startswith(PREFIX) else ""
    close = difflib.get_close_matches(shown.removeprefix(PREFIX).lower(), NAMES, n=1)
    spelled = [f"{prefix}{name.upper() if prefix else name}" for name in close or NAMES]
    return f"{shown} is no setting; " + (
        f"did you mean {spelled[0]}?" if close else f"there are {', '.join(spelled)}"
    )
