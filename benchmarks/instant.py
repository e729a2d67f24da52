"""What stands in for storage where storage is not to be measured, and the raw ASGI references."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from notefly.adapters.system import SystemIds
from notefly.domain.ids import MessageId
from notefly.domain.log import MessageStatus, Page
from notefly.domain.message import Content, IdempotencyKey, Message
from notefly.ports.message_store import MessageStore, Publication, Receipt

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
OPENING = b"retry: 1000\nid: 0\n: ping\n\n"
ANSWER = b'{"id":"0190163d-8694-739b-aea5-966c26f8ad91"}'


class InstantMessages:
    """Accepts everything, keeps nothing."""

    async def accept(self, publication: Publication) -> Receipt:
        return Receipt(publication.ids, publication.accepted_at, replayed=False)

    async def ready(self) -> None:
        """Always."""

    async def answered(self, key: IdempotencyKey) -> Receipt | None:
        return None

    async def get(self, message: MessageId) -> MessageStatus | None:
        return None

    async def list(
        self, limit: int, cursor: str | None, category: str | None
    ) -> Page[MessageStatus]:
        return Page([], None)

    async def cancel(self, message: MessageId, at: datetime) -> bool:
        return False

    async def after(
        self, message: MessageId | None, category: str | None, limit: int
    ) -> Sequence[Message]:
        return []


class NoThroughput:
    """Counts nothing."""

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        yield


class RawApp:
    """Parses JSON with the standard library, and answers 202; stores the message if it may."""

    throughput = NoThroughput()

    def __init__(self, messages: MessageStore | None, stored: Callable[[], None]) -> None:
        self._messages = messages
        self._stored = stored
        self._ids = SystemIds()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        part = await receive()
        body = part["body"]
        while part["more_body"]:
            part = await receive()
            body += part["body"]
        document = json.loads(body)
        answer = ANSWER
        if self._messages is not None:
            answer = await self._store(self._messages, document)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _store(self, messages: MessageStore, document: dict[str, str]) -> bytes:
        at = datetime.now(UTC)
        content = Content(document["category"], document["body"], document.get("title"))
        receipt = await messages.accept(Publication([self._ids.message(at)], [content], at))
        self._stored()
        return b'{"id":"%b"}' % receipt.ids[0].encode()


class RawStreams:
    """Opens an endless answer for everybody who asks, and writes the same to all from one loop."""

    throughput = NoThroughput()

    def __init__(self) -> None:
        self._sends: list[Send] = []

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": OPENING, "more_body": True})
        self._sends.append(send)
        while (await receive())["type"] != "http.disconnect":
            pass

    async def tell(self, event: bytes) -> None:
        """To everybody."""
        part = {"type": "http.response.body", "body": event, "more_body": True}
        for send in self._sends:
            await send(part)


def _meets(messages: InstantMessages) -> MessageStore:
    return messages
