"""Server-sent events: streams that buffer nothing, end when the broker stops, and can be resumed.

A stream reads from the store at its client's own pace: while a client does not take what was sent,
nothing more is read for it, and the connection is cut when that takes too long (`protocol`).
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from pydantic_core import to_json
from quart import Response

from notefly.broker.lifecycle import Lifecycle

MEDIA = "text/event-stream"
RECONNECT_MS = 1_000


@dataclass(frozen=True, slots=True)
class Beat:
    """How often a stream speaks: at least every `heartbeat`, and never more often than `pace`."""

    heartbeat_seconds: float = 15.0
    pace_seconds: float = 0.05


DEFAULT_BEAT = Beat()


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


async def beats(
    wakes: AsyncIterator[None], lifecycle: Lifecycle, beat: Beat
) -> AsyncIterator[bool]:
    """True when there may be something to read, False when it is time for a heartbeat.

    Ends when the broker stops.
    """
    stop = asyncio.ensure_future(lifecycle.stopping.wait())
    wake = asyncio.ensure_future(_next(wakes))
    try:
        while True:
            await asyncio.wait(
                {stop, wake}, timeout=beat.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if stop.done():
                return
            woken = wake.done()
            if woken:
                if not wake.result():
                    return
                wake = asyncio.ensure_future(_next(wakes))
            yield woken
            await asyncio.wait({stop}, timeout=beat.pace_seconds)
    finally:
        stop.cancel()
        wake.cancel()
        await asyncio.gather(stop, wake, return_exceptions=True)
        if aclose := getattr(wakes, "aclose", None):
            await aclose()


async def _next(wakes: AsyncIterator[None]) -> bool:
    """Whether it woke; False at the end."""
    try:
        await anext(wakes)
    except StopAsyncIteration:
        return False
    return True


def stream(chunks: AsyncIterator[bytes]) -> Response:
    """The answer; without a time limit, which Quart would set otherwise."""
    response = Response(chunks, content_type=f"{MEDIA}; charset=utf-8")
    response.timeout = None
    response.headers["X-Accel-Buffering"] = "no"
    return response
