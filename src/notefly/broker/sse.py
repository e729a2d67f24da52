"""Server-sent events: how they are written.

Nothing is buffered for a client: while it does not take what was sent, nothing more is read for it,
and the connection is cut when that takes too long (`protocol`).
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from pydantic_core import to_json
from quart import Response, request

MEDIA = "text/event-stream"
RECONNECT_MS = 1_000


def event(identity: int | str, value: object, name: str | None = None) -> bytes:
    """One event; without a name it is what browsers call a `message`."""
    named = f"event: {name}\n" if name else ""
    return f"id: {identity}\n{named}data: ".encode() + to_json(value) + b"\n\n"


def position(identity: int | str) -> bytes:
    """A heartbeat that says where the stream stands, so that a filtered one resumes from there."""
    return f"id: {identity}\n: ping\n\n".encode()


def opening(identity: int | str) -> bytes:
    """The first words: they open the stream at the client at once."""
    return f"retry: {RECONNECT_MS}\n".encode() + position(identity)


def reset(identity: int | str) -> bytes:
    """Some of what the client missed is not kept any more: it goes on from here."""
    return event(identity, {"last": identity}, "reset")


async def stream(chunks: AsyncIterator[bytes]) -> Response:
    """The answer; without the time limit that Quart sets. HEAD must not wait for its end.

    It begins once the first chunk is there, and with it the stream's place: whatever is committed
    after a client saw the stream open is in it.
    """
    body = b"" if request.method == "HEAD" else _beginning(await anext(chunks, b""), chunks)
    response = Response(body, content_type=f"{MEDIA}; charset=utf-8")
    response.timeout = None
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _beginning(first: bytes, rest: Any) -> AsyncIterator[bytes]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk
