"""How a setting is read: text from the environment or a value from TOML becomes a checked value.

Every parser raises ValueError with a sentence that follows the setting's name: what is wrong, and
what would be right.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""What a category or a channel may be called."""
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
RATE = re.compile("[1-9][0-9]{0,8}/(second|minute|hour|day)")
OFF = "off"
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def text(raw: object) -> str:
    """Not empty."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("must be text that is not empty")
    return raw.strip()


def folder(raw: object) -> Path:
    """`~` is the home of whoever runs it."""
    try:
        return Path(text(raw)).expanduser()
    except RuntimeError as error:
        raise ValueError(f"names a home that cannot be found: {raw!r}") from error


def port(raw: object) -> int:
    """Not 0: somebody has to know where to call."""
    shown = str(raw)
    if shown.startswith("tcp://"):
        raise ValueError(
            f"is {shown!r}, which Kubernetes sets for a Service of that name; "
            "put enableServiceLinks: false into the pod, or rename the Service"
        )
    number = not isinstance(raw, bool) and re.fullmatch("[0-9]{1,5}", shown)
    if not number or not 1 <= int(shown) <= 65_535:
        raise ValueError(f"must be a port number from 1 to 65535, not {raw!r}")
    return int(shown)


def seconds(raw: object) -> float:
    """Of a time limit."""
    try:
        number = float(str(raw))
    except ValueError:
        number = 0.0
    if isinstance(raw, bool) or not 0.1 <= number <= 3_600:
        raise ValueError(f"must be seconds from 0.1 to 3600, not {raw!r}")
    return number


def mebibytes(raw: object) -> int:
    """Of memory: less than 64 starts no interpreter with a library or two."""
    shown = str(raw)
    whole = not isinstance(raw, bool) and re.fullmatch("[0-9]{1,7}", shown)
    if not whole or int(shown) < 64:
        raise ValueError(f"must be MiB, 64 or more, not {raw!r}")
    return int(shown)


def rate(raw: object) -> str:
    """So many in a second, minute, hour or day."""
    shown = str(raw).strip().lower()
    if shown != OFF and not RATE.fullmatch(shown):
        raise ValueError(f"must be like 600/minute (second, minute, hour, day) or off, not {raw!r}")
    return shown


def amount(raw: object) -> int:
    """How many: 1 or more."""
    shown = str(raw)
    if isinstance(raw, bool) or not re.fullmatch("[1-9][0-9]{0,11}", shown):
        raise ValueError(f"must be a whole number, 1 or more, not {raw!r}")
    return int(shown)


def switch(raw: object) -> bool:
    """Yes or no, in the usual spellings."""
    shown = str(raw).strip().lower()
    if shown not in TRUE + FALSE:
        raise ValueError(f"must be 1 or 0, true or false; not {raw!r}")
    return shown in TRUE


def listed(raw: object) -> tuple[str, ...]:
    """Separated by commas in the environment, an array in the file."""
    parts = [part.strip() for part in raw.split(",")] if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"must be a list of texts, not {raw!r}")
    for place, part in enumerate(parts):
        if part in parts[:place]:
            raise ValueError(f"names {part!r} twice; leave one out")
    return tuple(parts)


def names(raw: object) -> tuple[str, ...]:
    """Of categories or channels, in their order; at least one."""
    found = listed(raw)
    if not found:
        raise ValueError("must name at least one")
    for name in found:
        if not NAME.fullmatch(name):
            raise ValueError(
                f"holds {name!r}; a name is 1 to 32 of a-z 0-9 _ - and begins with a letter"
            )
    return found


def host(raw: object) -> str:
    """An IP address or a host name, without port."""
    shown = text(raw)
    if not _is_address(shown) and not HOST.fullmatch(shown):
        raise ValueError(f"must be an IP address or a host name without port, not {raw!r}")
    return shown


def hosts(raw: object) -> tuple[str, ...]:
    """As browsers send them in `Host`, in lower case; a port does not matter there."""
    return tuple(host(part).lower() for part in listed(raw))


def web_address(raw: object) -> str:
    """Of a broker: scheme, host and port, at most a path in front of its own.

    It is shown on pages and in messages, so that nothing secret may be in it.
    """
    shown = text(raw).rstrip("/")
    if "@" in shown or "?" in shown or "#" in shown:
        raise ValueError("must be scheme, host and port alone: no user, password or query in it")
    if not _has(shown, "http", "https"):
        raise ValueError(f"must be like http://127.0.0.1:5001, not {raw!r}")
    return shown


def api_key(raw: object) -> str:
    """Never repeated: it is a secret, even where it is spelled wrong."""
    if not isinstance(raw, str) or not re.fullmatch("nf_[a-z0-9]{6,12}_[0-9a-f]{64}", raw.strip()):
        raise ValueError("must be a key as `notefly keys create` prints it, like nf_…_…")
    return raw.strip()


def store(raw: object) -> str:
    """Of PostgreSQL; for the embedded file the setting is left out."""
    shown = text(raw)
    by_socket = re.fullmatch(r"postgres(ql)?://([^/?]*@)?/[^?]*\?(.*&)?host=/.+", shown)
    if not by_socket and not _has(shown, "postgresql", "postgres"):
        raise ValueError(
            "must be like postgresql://user@host/name; leave it out for the SQLite file in data_dir"
        )
    return shown


def queue(raw: object) -> str:
    """Of NATS, several servers of one cluster by commas, or of Redis."""
    servers = [part.strip() for part in text(raw).split(",")]
    of_nats = all(_has(server, "nats", "tls") for server in servers)
    if not of_nats and not (len(servers) == 1 and _has(servers[0], "redis", "rediss")):
        raise ValueError(
            "must be like nats://host:4222 (several of one cluster by commas) or redis://host; "
            "leave it out for a queue in the store"
        )
    return ",".join(servers)


def replicas(raw: object) -> int:
    """Of a stream: an odd number, because a majority decides."""
    if isinstance(raw, bool) or str(raw) not in {"1", "3", "5"}:
        raise ValueError(f"must be 1, 3 or 5, not {raw!r}")
    return int(str(raw))


def groups(raw: object) -> int:
    """How many at once."""
    shown = str(raw)
    if isinstance(raw, bool) or not re.fullmatch("[1-9][0-9]{0,2}", shown):
        raise ValueError(f"must be a number of groups from 1 to 999, not {raw!r}")
    return int(shown)


def log_format(raw: object) -> str:
    """For people or for machines."""
    if raw not in {"text", "json"}:
        raise ValueError(f"must be text or json, not {raw!r}")
    return str(raw)


def log_level(raw: object) -> str:
    """From the most to the least talkative."""
    shown = str(raw).lower()
    if shown not in {"debug", "info", "warning", "error"}:
        raise ValueError(f"must be debug, info, warning or error, not {raw!r}")
    return shown


PARSERS: Mapping[str, Callable[[object], object]] = {
    "data_dir": folder,
    "host": host,
    "broker_port": port,
    "client_port": port,
    "broker_url": web_address,
    "mocks": switch,
    "categories": names,
    "channels": names,
    "store": store,
    "queue": queue,
    "queue_replicas": replicas,
    "broker_delivers": switch,
    "concurrency": groups,
    "require_keys": switch,
    "api_key": api_key,
    "public_url": web_address,
    "channel_seconds": seconds,
    "channel_memory": mebibytes,
    "rate_limit": rate,
    "stream_limit": amount,
    "backlog": amount,
    "log": log_format,
    "log_level": log_level,
    "allowed_hosts": hosts,
}


def _is_address(shown: str) -> bool:
    try:
        ipaddress.ip_address(shown)
    except ValueError:
        return False
    return True


def _has(shown: str, *schemes: str) -> bool:
    """A URL of one of these schemes, with a host and a port that is one."""
    try:
        parts = urlsplit(shown)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
