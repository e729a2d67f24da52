"""Where messages are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notefly.domain.ids import MessageId
from notefly.domain.log import MessageStatus, Page
from notefly.domain.message import Content, IdempotencyKey, Message


@dataclass(frozen=True, slots=True)
class Publication:
    """One request to publish: all of its contents are accepted, or none."""

    ids: Sequence[MessageId]
    contents: Sequence[Content]
    accepted_at: datetime
    key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was accepted; `replayed` when the idempotency key had been answered before.

    A replayed receipt of one message has its accepted time and category; of many, the ids only.
    """

    ids: Sequence[MessageId]
    accepted_at: datetime
    replayed: bool


class MessageStore(Protocol):
    """Messages, and how far each has come."""

    async def accept(self, publication: Publication) -> Receipt:
        """Store messages, epoch and idempotency key in one commit; durable when it returns.

        Raises KeyReused when the key stands for other content, Unavailable when there is no room.
        """
        ...

    async def ready(self) -> None:
        """Raises Unavailable when nothing can be accepted now.

        The disk is asked by a write, and only after something was refused.
        """
        ...

    async def answered(self, key: IdempotencyKey) -> Receipt | None:
        """What the key stands for, None when it is new. Raises KeyReused as `accept` does."""
        ...

    async def get(self, message: MessageId) -> MessageStatus | None:
        """The message and its counts, from one moment (I8)."""
        ...

    async def list(
        self, limit: int, cursor: str | None, category: str | None
    ) -> Page[MessageStatus]:
        """Newest first. Raises Invalid for a cursor that no page gave."""
        ...

    async def cancel(self, message: MessageId, at: datetime) -> bool:
        """Stop everything that has not started; durable when it returns. False: no such message."""
        ...

    async def after(
        self, message: MessageId | None, category: str | None, limit: int
    ) -> Sequence[Message]:
        """Messages accepted after this one, oldest first; None is the newest and gives none."""
        ...
