"""Notefly as `notefly broker` runs it, on its embedded engine, with no setting but its channels.

`called`: two channels that a team would have written, each in the supervised process that the
product gives to a plug-in; the no-op sender is called for each recipient in them.
`set-based`: the built-in log channels: no call per person.
Messages are published one in a request over HTTP, on 64 kept connections.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from subprocess import DEVNULL, Popen

from benchmarks.peers.driving import FOLDER, FORM, QUEUE
from benchmarks.peers.noop import NAMES, PEOPLE
from benchmarks.peers.work import Lot

CONNECTIONS = 64
FEW = 10
ACCEPTED = b"HTTP/1.1 202 "
CHANNELS = NAMES if FORM == "called" else ("email", "sms")
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
lines: list[Line] = []


def settings() -> dict[str, str]:
    return os.environ | {
        "NOTEFLY_DATA_DIR": FOLDER,
        "NOTEFLY_BROKER_PORT": QUEUE,
        "NOTEFLY_CHANNELS": ",".join(CHANNELS),
        "NOTEFLY_MOCKS": "0",
    }


def prepare() -> None:
    """The people, by the API, in the order that `noop` counts on."""
    process = Popen(command(), env=settings(), stdout=DEVNULL)
    try:
        for category, count in (("sports", PEOPLE), ("movies", FEW)):
            register(b"".join(people(category, count)))
    finally:
        process.terminate()
        process.wait()


def people(category: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        person = {
            "name": f"Person {number}",
            "email": f"{category}{number}@example.com",
            **({} if FORM == "called" else {"phone": f"+1415555{number:04d}"}),
            "categories": [category],
            "channels": CHANNELS,
        }
        yield json.dumps(person).encode() + b"\n"


def register(body: bytes) -> None:
    end = time.monotonic() + 20
    while True:
        line = HTTPConnection("127.0.0.1", int(QUEUE), timeout=20)
        try:
            line.request("POST", "/v1/subscribers", body, {"Content-Type": "application/x-ndjson"})
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the broker does not come up"
            time.sleep(0.05)  # another process starts; nobody tells when it listens
        else:
            answer = line.getresponse()
            assert answer.status < 300, answer.read()
            return


async def publish(lots: list[Lot]) -> None:
    while len(lines) < CONNECTIONS:
        lines.append(await opened())
    waiting = iter(lots)
    await asyncio.gather(
        *(one_after_another(n, waiting) for n in range(min(CONNECTIONS, len(lots))))
    )


async def opened() -> Line:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", int(QUEUE))
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)  # as above


async def one_after_another(number: int, waiting: Iterator[Lot]) -> None:
    for lot in waiting:
        try:
            await accepted(*lines[number], lot)
        except (asyncio.IncompleteReadError, ConnectionError):
            # A broker closes a connection on which nothing was asked for a while.
            lines[number] = await opened()
            await accepted(*lines[number], lot)


async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lot: Lot) -> None:
    writer.write(request(lot))
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(ACCEPTED), head
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))


def request(lot: Lot) -> bytes:
    category = "sports" if lot.last - lot.first > FEW else "movies"
    body = json.dumps({"category": category, "body": str(lot.message)}).encode()
    head = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def command() -> list[str]:
    return [sys.executable, "-P", "-m", "notefly", "broker"]


def work() -> None:
    os.execve(sys.executable, command(), settings())  # noqa: S606 - replaced by it, on purpose
