"""As many connections as there is room for; who keeps us waiting goes, who asks gets in."""

import asyncio
import errno
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any
from unittest.mock import Mock

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from notefly.broker import acceptor as the_acceptor
from notefly.broker.acceptor import MOST, Acceptor, places
from notefly.broker.protocol import DeadlineProtocol

ROOM = 6
ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Inn:
    """A server of one page behind a acceptor, in this event loop."""

    def __init__(self) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.state = ServerState()
        self.busy, self.waiting = asyncio.Event(), asyncio.Semaphore(0)
        self.config = Config(
            self.page, interface="asgi3", ws="none", lifespan="off", log_config=None
        )
        self.config.load()
        self.acceptor = Acceptor(self.listener, self.greet, ROOM)
        self.most_inside = 0
        self.guests: list[asyncio.StreamWriter] = []

    def greet(self) -> DeadlineProtocol:
        self.most_inside = max(self.most_inside, len(self.state.connections))
        return DeadlineProtocol(self.config, self.state, {})

    async def page(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            self.waiting.release()
            await self.busy.wait()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def knock(self) -> Streams:
        streams = await asyncio.open_connection(*self.listener.getsockname())
        self.guests.append(streams[1])
        return streams

    async def asked(self, request: bytes = ASKED) -> bytes:
        reader, writer = await self.knock()
        writer.write(request)
        try:
            return await reader.readuntil(b"ok")
        finally:
            writer.close()


@pytest.fixture
async def inn() -> AsyncIterator[Inn]:
    opened = Inn()
    opened.acceptor.open(128)
    async with asyncio.timeout(20):
        yield opened
    opened.acceptor.close()
    for connection in list(opened.state.connections):
        connection.transport.abort()
    for guest in opened.guests:
        guest.transport.abort()
        with suppress(OSError):
            await guest.wait_closed()
    opened.listener.close()


async def test_a_good_caller_gets_in_past_any_number_of_silent_ones(inn: Inn) -> None:
    async with AsyncExitStack() as stack:
        silent = []
        for _ in range(10):
            for _ in range(ROOM):
                streams = await inn.knock()
                stack.callback(streams[1].close)
                silent.append(streams)
            assert (await inn.asked()).startswith(b"HTTP/1.1 200")
        # All but those who are inside were asked to leave.
        for reader, _ in silent[: -2 * ROOM]:
            assert await _gone(reader)
    assert inn.most_inside <= ROOM


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"]
)
async def test_half_a_request_is_no_reason_to_stay(inn: Inn, said: bytes) -> None:
    held = []
    for _ in range(ROOM):
        reader, writer = await inn.knock()
        writer.write(said)
        held.append((reader, writer))
    if b"POST" in said:
        # The page answers before it has the body; then nothing is owed.
        for reader, _ in held:
            await reader.readuntil(b"ok")
    for _ in range(3):
        assert (await inn.asked()).startswith(b"HTTP/1.1 200")
    for _, writer in held:
        writer.close()


async def test_who_was_served_stays_longer_than_who_never_asked(inn: Inn) -> None:
    reader, writer = await inn.knock()
    writer.write(ASKED)
    await reader.readuntil(b"ok")
    silent = [await inn.knock() for _ in range(3 * ROOM)]
    assert await _gone(silent[0][0])
    writer.write(ASKED)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    for _, other in (*silent, (reader, writer)):
        other.close()


async def test_whoever_waits_for_us_is_never_asked_to_leave(inn: Inn) -> None:
    slow = ASKED.replace(b" / ", b" /slow ")
    guests = [asyncio.ensure_future(inn.asked(slow)) for _ in range(ROOM)]
    for _ in guests:
        await inn.waiting.acquire()
    late = asyncio.ensure_future(inn.asked())
    done, _ = await asyncio.wait({late, *guests}, timeout=0.2)
    assert not done
    inn.busy.set()
    for answer in await asyncio.gather(late, *guests):
        assert answer.startswith(b"HTTP/1.1 200")


async def test_without_handles_it_waits_and_goes_on(
    inn: Inn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_acceptor, "PAUSE_SECONDS", 0.01)
    accept, tried = inn.listener.accept, []

    class Poor:
        def __getattr__(self, name: str) -> Any:
            return getattr(inn.listener, name)

        def accept(self) -> Any:
            tried.append(len(inn.state.connections))
            if len(tried) < 4:
                raise OSError(errno.EMFILE, "no handle left")
            return accept()

    inn.acceptor._listener = Poor()  # type: ignore[assignment]
    assert (await inn.asked()).startswith(b"HTTP/1.1 200")
    assert len(tried) >= 4


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        (resource.RLIM_INFINITY, lambda n: n == MOST),
        (1 << 20, lambda n: n == MOST),
        (16, lambda n: n == the_acceptor.FEWEST),
        (1_024, lambda n: 500 < n < 1_024 - the_acceptor.SPARE),
    ],
)
def test_as_many_as_there_are_handles_for(
    monkeypatch: pytest.MonkeyPatch, limit: int, wanted: Callable[[int], bool]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", Mock(return_value=(limit, limit)))
    assert wanted(places())


async def _gone(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True
