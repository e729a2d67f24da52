"""An answer before it is anybody's: Quart and the lean lane both send the same."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from quart import Response

Headers = tuple[tuple[bytes, bytes], ...]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
JSON = "application/json"
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""For pages: everything from this server, nothing inline."""
SAFE = {"content-security-policy": API_POLICY, "x-content-type-options": "nosniff"}
"""On every answer that says nothing else. Without `Access-Control-*` no other origin reads it."""
READ = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
}
"""And on what is read by GET, and what is refused: a browser may keep, embed or open that."""
CONNECTION = "notefly.connection"
"""In the scope of a request: the `DeadlineProtocol` that it came by."""
SAFE_BYTES = tuple((name.encode(), value.encode()) for name, value in SAFE.items())
ALL_SAFE_BYTES = tuple((name.encode(), value.encode()) for name, value in (SAFE | READ).items())


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body and the headers that are its own."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(
    value: object, status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> Answer:
    """Times come out as RFC 3339 in UTC, like 2026-01-31T12:00:00.123456Z."""
    return Answer(status, to_json(value), JSON, tuple(headers))


def response_of(answer: Answer) -> Response:
    """For Quart; the safe headers are added to every response after it."""
    response = Response(answer.body, answer.status, content_type=answer.content_type)
    response.headers.extend(answer.headers)
    if answer.status == 204:
        del response.headers["Content-Type"]
    return response


async def send_answer(send: Send, answer: Answer, safe: Headers = SAFE_BYTES) -> None:
    """Straight on ASGI."""
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", b"%d" % len(answer.body)),
        *safe,
    ]
    for name, value in answer.headers:
        headers.append((name.lower().encode(), value.encode("latin-1")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
