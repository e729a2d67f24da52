"""A small HTTP/1.1 client: one connection, and a plain word for "no answer"."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 20.0
JSON = "application/json"
NDJSON = "application/x-ndjson"


class NoAnswer(Exception):  # noqa: N818 - reads as what happened
    """The connection ended, or nothing came: whether the request was accepted is unknown."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request."""

    method: str
    path: str
    body: bytes = b""
    media: str = JSON
    key: str | None = None

    def wire(self, port: int) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        if self.body:
            lines.append(f"Content-Type: {self.media}")
        if self.key is not None:
            lines.append(f"Idempotency-Key: {self.key}")
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    body: Any
    headers: Mapping[str, str]
    """Names and values in small letters."""


class Link:
    """Keeps its connection, and opens it again when it was cut."""

    def __init__(self, port: int, patience: float = PATIENCE_SECONDS) -> None:
        self._port = port
        self._patience = patience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, call: Call) -> Answer:
        """Raises NoAnswer; the next call opens a new connection."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._ask(call)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise NoAnswer(f"{call.method} {call.path}: {type(error).__name__} {error}") from error

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _ask(self, call: Call) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(call.wire(self._port))
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = _headers(head[1:])
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        kind = headers.get("content-type", "")
        body = json.loads(raw) if raw and "json" in kind else None
        return Answer(int(head[0].split()[1]), body, headers)


def _headers(lines: list[str]) -> Mapping[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.strip().lower() for name, _, value in pairs}
