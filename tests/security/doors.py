"""Every way into the two services, by their own route maps: a new route is tested by itself."""

import asyncio
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from quart import Quart

from notefly.bootstrap import make_container
from notefly.broker.app import create_app as create_broker
from notefly.broker.lifecycle import Lifecycle
from notefly.client.app import create_app as create_console
from notefly.client.injection import Stopping
from notefly.config import Settings

PATIENCE_SECONDS = 20.0
READING = frozenset({"GET", "HEAD", "OPTIONS"})
FILES = {"broker": "sub.css", "console": "console.css"}
GOAL = b'{"category":"sports","body":"from elsewhere"}'


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one path of one service."""

    service: str
    method: str
    path: str

    @property
    def changes(self) -> bool:
        return self.method not in READING

    def request(self, *headers: bytes, target: bytes = b"") -> bytes:
        """As bytes; what changes something carries what would be accepted as a message."""
        kind = [b"Content-Type: application/json", b"Content-Length: %d" % len(GOAL)]
        lines = [
            self.method.encode() + b" " + (target or self.path.encode()) + b" HTTP/1.1",
            *headers,
            *(kind if self.changes else ()),
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n" + (GOAL if self.changes else b"")


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an answer; a stream has no end."""

    status: int
    headers: dict[str, str]


def every_door(folder: Path) -> list[Door]:
    """Of both services."""
    return asyncio.run(_every_door(folder))


async def _every_door(folder: Path) -> list[Door]:
    settings = Settings(data_dir=folder, mocks=False)
    container = make_container(settings)
    broker = await create_broker(container, settings, Lifecycle())
    console = create_console(settings, Stopping(asyncio.Event()))
    found = [*_doors("broker", broker), *_doors("console", console)]
    await container.close()
    return found


def _doors(service: str, app: Quart) -> Iterator[Door]:
    for rule in app.url_map.iter_rules():
        filled = FILES[service] if rule.endpoint == "static" else "x"
        chosen = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)  # the first that is offered
        path = re.sub(r"<[^>]+>", filled, chosen)
        for method in sorted(rule.methods or ()):
            yield Door(service, method, path)


def ask(url: str, request: bytes) -> Head:
    """Bytes in, the head of the answer out."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        answered = b""
        while b"\r\n\r\n" not in answered and (part := connection.recv(65_536)):
            answered += part
    lines = answered.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines[1:])
    return Head(int(lines[0].split()[1]), {name.lower(): value.strip() for name, _, value in pairs})


def strangers(headers: Iterable[str]) -> list[str]:
    """What would let another origin in."""
    return [name for name in headers if name.startswith("access-control")]
