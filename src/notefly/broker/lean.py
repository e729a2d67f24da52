"""`POST /v1/messages` straight on ASGI.

A framework's own work costs several times what publishing does. This lane takes the requests that
have nothing unusual about them; all others, and all that it does not understand, go to the Quart
route of the same path, which uses the same functions and answers the same.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge

from notefly.application.publish import PublishMessage
from notefly.broker.answers import Send, send_answer
from notefly.broker.door import Caller
from notefly.broker.limits import LARGEST_DOCUMENT
from notefly.broker.problems import answer_for
from notefly.broker.publishing import PATH, publish_one
from notefly.broker.routing import PUBLISH
from notefly.domain.errors import CommitUnknown

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
JSON_TYPES = frozenset(
    f"application/json{charset}".encode()
    for charset in ("", "; charset=utf-8", ";charset=utf-8", "; charset=UTF-8", ";charset=UTF-8")
)


class LeanLane:
    """Whether it takes a request is decided by path, method and headers alone."""

    def __init__(self, publish: PublishMessage) -> None:
        self._publish = publish

    def takes(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        """`headers` are the request's; fewer of them than in the scope means repeated ones."""
        return (
            scope["path"] == PATH
            and scope["method"] == "POST"
            and not scope["query_string"]
            and headers.get(b"content-type") in JSON_TYPES
            and b"content-encoding" not in headers
            and len(headers) == len(scope["headers"])
        )

    async def __call__(
        self, caller: Caller, headers: Mapping[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        key = headers.get(b"idempotency-key")
        try:
            owner = caller.needs(PUBLISH.scopes).key_id
            body = await _whole(receive, headers.get(b"content-length"))
            if body is None:
                return
            answer = await publish_one(
                self._publish, body, None if key is None else key.decode("latin-1"), owner
            )
        except CommitUnknown:
            raise
        except Exception as error:  # noqa: BLE001 - the table knows every one of them
            answer = answer_for(error)
        await send_answer(send, answer)


async def _whole(receive: Receive, announced: bytes | None) -> bytes | None:
    """The body; None when the caller went away. Its deadline is the connection's (`protocol`)."""
    if announced is not None and int(announced) > LARGEST_DOCUMENT:
        raise RequestEntityTooLarge
    body = b""
    while True:
        part = await receive()
        if part["type"] == "http.disconnect":
            return None
        piece: bytes = part["body"]
        body += piece
        if len(body) > LARGEST_DOCUMENT:
            raise RequestEntityTooLarge
        if not part["more_body"]:
            return body
