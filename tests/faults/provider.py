"""A provider over HTTP that behaves badly, on 127.0.0.1; every request is written down."""

import asyncio
import socket
import struct
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from typing import Self

WAIT_SECONDS = 5
ENDLESS_BYTES = 10 * 2**30
FAILURES = 2
"""How often the ones that recover fail before."""
Reply = Callable[["Provider", asyncio.StreamWriter, str], Awaitable[None]]


class Provider:
    """Acts by the first word of the address that is posted to, and on how often it was before."""

    def __init__(self) -> None:
        self.seen: defaultdict[str, list[float]] = defaultdict(list)
        """Address → when it was posted to."""
        self.accepted: Counter[str] = Counter()
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        self.not_before: dict[str, float] = {}
        self.sent_bytes = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        with suppress(OSError, EOFError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            address = head.split()[1].strip("/")
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            await reader.readexactly(int(headers.get("Content-Length", "0")))
            self.seen[address].append(time.time())
            self.keys[address].add(headers["Idempotency-Key"])
            await REPLIES[address.split("-")[0]](self, writer, address)
            await writer.drain()
            if address.split("-")[0] in ("silent", "halting"):
                await reader.read()
        writer.close()

    def first(self, address: str) -> bool:
        return len(self.seen[address]) == 1


def status(number: int, *headers: str, body: str = "") -> bytes:
    lines = [f"HTTP/1.1 {number} Words", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", body]).encode()


async def accept(provider: Provider, writer: asyncio.StreamWriter, address: str) -> None:
    provider.accepted[address] += 1
    writer.write(status(202, body="id-1"))


def always(number: int) -> Reply:
    async def reply(_: Provider, writer: asyncio.StreamWriter, address: str) -> None:
        writer.write(status(number, body=f"{address} is not served"))

    return reply


def recovering(number: int) -> Reply:
    async def reply(provider: Provider, writer: asyncio.StreamWriter, address: str) -> None:
        if len(provider.seen[address]) > FAILURES:
            await accept(provider, writer, address)
        else:
            writer.write(status(number))

    return reply


async def busy(provider: Provider, writer: asyncio.StreamWriter, address: str) -> None:
    """429 with seconds."""
    if provider.first(address):
        provider.not_before[address] = time.time() + WAIT_SECONDS
        writer.write(status(429, f"Retry-After: {WAIT_SECONDS}"))
    else:
        await accept(provider, writer, address)


async def dated(provider: Provider, writer: asyncio.StreamWriter, address: str) -> None:
    """429 with a date, which has whole seconds."""
    if provider.first(address):
        then = int(time.time()) + WAIT_SECONDS + 1
        provider.not_before[address] = then
        writer.write(status(429, f"Retry-After: {formatdate(then, usegmt=True)}"))
    else:
        await accept(provider, writer, address)


async def reset(provider: Provider, writer: asyncio.StreamWriter, address: str) -> None:
    """Accepts, and cuts the connection before it says so."""
    if provider.first(address):
        provider.accepted[address] += 1
        plug: socket.socket = writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.write(status(200, body="known already"))


async def garbage(_: Provider, writer: asyncio.StreamWriter, __: str) -> None:
    writer.write(b"\x00\xffno HTTP at all\r\n\r\n" + bytes(range(256)))


async def endless(provider: Provider, writer: asyncio.StreamWriter, address: str) -> None:
    """Accepts, with a body of ten gigabytes that is made as it is read."""
    provider.accepted[address] += 1
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {ENDLESS_BYTES}\r\n\r\n".encode())
    for _ in range(ENDLESS_BYTES // 65_536):
        writer.write(b"x" * 65_536)
        await writer.drain()
        provider.sent_bytes += 65_536


async def silent(_: Provider, __: asyncio.StreamWriter, ___: str) -> None:
    """Until the other side gives up."""


async def halting(_: Provider, writer: asyncio.StreamWriter, __: str) -> None:
    """A head, and then nothing."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")


REPLIES: Mapping[str, Reply] = {
    "ok": accept,
    "busy": busy,
    "dated": dated,
    **{f"s{number}": recovering(number) for number in (408, 425, 500, 502, 503)},
    **{f"s{number}": always(number) for number in (301, 400, 404, 410, 504)},
    "reset": reset,
    "garbage": garbage,
    "endless": endless,
    "silent": silent,
    "halting": halting,
}
DELIVERED = {"ok", "busy", "dated", "s408", "s425", "s500", "s502", "s503", "reset", "endless"}
REFUSED = {"s301", "s400", "s404", "s410"}
EXHAUSTED = {"s504", "garbage", "silent", "halting"}
