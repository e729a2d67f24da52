"""Answers that go on for as long as somebody listens: how they begin, for how many, and end.

Quart only begins them. What it needs for a request weighs more than everything else about a stream,
so it is let go once the headers are written, and what is left is the connection.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from quart import Response, request

from notefly.broker.answers import CONNECTION, Send
from notefly.broker.door import visit
from notefly.broker.problems import TooManyRequests
from notefly.broker.rate_limit import who
from notefly.broker.sse import MEDIA

STREAM = "notefly.stream"
AGAIN_SECONDS = 10
Scope = MutableMapping[str, Any]


class Line(Protocol):
    """The connection of such an answer. Nothing is ever kept for one that takes nothing."""

    on_lost: Callable[[], object] | None
    """Called when the other side is gone."""

    @property
    def gone(self) -> bool:
        """Whether nobody is there any more."""
        ...

    def begin_stream(self) -> None:
        """From now on at most one piece waits here until the system takes it."""
        ...

    def pour(self, chunk: bytes) -> bool:
        """Write a chunk; False, and nothing is written, while the last one was not taken."""
        ...

    async def room(self) -> None:
        """Until something can be written again, or nobody is there."""
        ...


Follow = Callable[[Line], Awaitable[None]]


class StreamLimit:
    """How many streams each caller has open, and may have."""

    def __init__(self, most: int | None) -> None:
        """None: as many as they like."""
        self._most = most
        self._open: Counter[str] = Counter()

    def enter(self, caller: str) -> None:
        """Raises TooManyRequests."""
        if self._most is not None and self._open[caller] >= self._most:
            told = f"{self._most} event streams are open already; close one, or share it"
            raise TooManyRequests(told, AGAIN_SECONDS)
        self._open[caller] += 1

    def leave(self, caller: str) -> None:
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]


@dataclass(frozen=True, slots=True)
class Stream:
    """One that was let in."""

    follow: Follow
    limit: StreamLimit
    caller: str


class Streams:
    """Begins them, for a handler of Quart's."""

    def __init__(self, limit: StreamLimit) -> None:
        self._limit = limit

    def answer(self, follow: Follow) -> Response:
        """`follow` writes to the line until it is over. Raises TooManyRequests. HEAD has no end."""
        if request.method == "HEAD":
            response = Response(b"", content_type=f"{MEDIA}; charset=utf-8")
        else:
            caller = _caller()
            self._limit.enter(caller)
            request.scope[STREAM] = Stream(follow, self._limit, caller)  # type: ignore[literal-required]
            response = Response(_nothing(), content_type=f"{MEDIA}; charset=utf-8")
        response.headers["X-Accel-Buffering"] = "no"
        return response


async def served(scope: Scope, send: Send, serve: Callable[[Send], Awaitable[None]]) -> None:
    """What Quart serves, and what goes on behind it."""

    async def beginning(event: MutableMapping[str, Any]) -> None:
        if STREAM not in scope or event["type"] == "http.response.start":
            await send(event)

    try:
        await serve(beginning)
        if STREAM in scope:
            await _going_on(scope, send)
    finally:
        if (stream := scope.pop(STREAM, None)) is not None:
            stream.limit.leave(stream.caller)


async def _going_on(scope: Scope, send: Send) -> None:
    line: Line = scope[CONNECTION]
    if line.gone:
        return
    line.begin_stream()
    try:
        await scope[STREAM].follow(line)
    finally:
        line.on_lost = None
    if not line.gone:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def chunk(written: bytes) -> bytes:
    """As HTTP/1.1 frames it (RFC 9112, 7.1): the same for everybody, so it is made once."""
    return b"%x\r\n%b\r\n" % (len(written), written)


def _caller() -> str:
    """Subscribers come by links, through whatever proxy: each of them is counted alone."""
    came = visit()
    return who(request.scope) if came is None else f"person {came.subscriber.key}"


async def _nothing() -> AsyncIterator[bytes]:
    """No body, and no length of one."""
    return
    yield b""
