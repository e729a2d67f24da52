"""Server-sent events: how they are written."""

from pydantic_core import to_json

MEDIA = "text/event-stream"
RECONNECT_MS = 1_000


def event(identity: int | str, value: object, name: str | None = None) -> bytes:
    """One event; without a name it is what browsers call a `message`."""
    named = f"event: {name}\n" if name else ""
    return f"id: {identity}\n{named}data: ".encode() + to_json(value) + b"\n\n"


def aside(name: str, value: object) -> bytes:
    """What is no part of what is followed: it moves no place on, and is not resumed."""
    return f"event: {name}\ndata: ".encode() + to_json(value) + b"\n\n"


def position(identity: int | str) -> bytes:
    """A heartbeat that says where the stream stands, so that a filtered one resumes from there."""
    return f"id: {identity}\n: ping\n\n".encode()


def opening(identity: int | str) -> bytes:
    """The first words: they open the stream at the client at once."""
    return f"retry: {RECONNECT_MS}\n".encode() + position(identity)


def reset(identity: int | str) -> bytes:
    """Some of what the client missed is not kept any more: it goes on from here."""
    return event(identity, {"last": identity}, "reset")
