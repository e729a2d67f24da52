"""Messages in SQLite."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notefly.adapters.sqlite.cursors import decode, encode
from notefly.adapters.sqlite.database import Database
from notefly.adapters.sqlite.names import Names
from notefly.adapters.sqlite.queries import load
from notefly.adapters.sqlite.transaction import (
    Reading,
    Row,
    Transaction,
    maybe_micros,
    maybe_moment,
    micros,
    moment,
)
from notefly.domain.delivery import MessageState, State
from notefly.domain.errors import Invalid, KeyReused, Problem
from notefly.domain.ids import OPEN, Epoch, MessageId, MessageKey, SubscriberId
from notefly.domain.log import MessageStatus, Page
from notefly.domain.message import Content, IdempotencyKey, Message
from notefly.ports.message_store import MessageStore, Publication, Receipt

SQL = load("messages")
COUNTED = (
    State.DELIVERED,
    State.DEAD,
    State.CANCELLED,
    State.SENDING,
    State.RETRYING,
    State.PENDING,
)
"""The columns of `counts` behind the total."""


class SqliteMessages:
    """See `MessageStore`."""

    def __init__(self, database: Database, categories: Names) -> None:
        self._database = database
        self._categories = categories

    async def accept(self, publication: Publication) -> Receipt:
        return await self._database.write(
            lambda transaction: self._accept(transaction, publication)
        )

    async def ready(self) -> None:
        if self._database.refused:
            await self._database.write(_probe)
            self._database.refused = False

    async def answered(self, key: IdempotencyKey) -> Receipt | None:
        return await self._database.read(lambda reading: _answered(reading, key))

    async def get(self, message: MessageId) -> MessageStatus | None:
        def work(reading: Reading) -> MessageStatus | None:
            row = reading.row(SQL["by_id"], (UUID(message).bytes,))
            return None if row is None else status(reading, row)

        return await self._database.read(work)

    async def list(
        self, limit: int, cursor: str | None, category: str | None
    ) -> Page[MessageStatus]:
        before = decode(cursor, 1)[0] if cursor else OPEN

        def work(reading: Reading) -> Page[MessageStatus]:
            if category is None:
                rows = reading.rows(SQL["newest"], (before, limit + 1))
            else:
                key = self._categories.find(reading, category)
                rows = reading.rows(SQL["newest_in_category"], (key, before, limit + 1))
            following = encode(rows[limit - 1][0]) if len(rows) > limit else None
            return Page([status(reading, row) for row in rows[:limit]], following)

        return await self._database.read(work)

    async def cancel(self, message: MessageId, at: datetime) -> bool:
        def work(transaction: Transaction) -> bool:
            key = transaction.value(SQL["key_of"], (UUID(message).bytes,))
            if key is not None and transaction.run(SQL["cancel"], (micros(at), key)):
                transaction.run(SQL["wake_waiting"], (key,))
            return key is not None

        return await self._database.write(work)

    async def after(
        self, message: MessageId | None, category: str | None, limit: int
    ) -> Sequence[Message]:
        def work(reading: Reading) -> Sequence[Message]:
            key = None if message is None else reading.value(SQL["key_of"], (UUID(message).bytes,))
            if key is None:
                return []
            rows = reading.rows(SQL["after"], (key, category, category, limit))
            return [message_of(row) for row in rows]

        return await self._database.read(work)

    def _accept(self, transaction: Transaction, publication: Publication) -> Receipt:
        if publication.key is not None:
            known = _answered(transaction, publication.key)
            if known is not None:
                return known
        epoch, at = transaction.epoch, micros(publication.accepted_at)
        rows = [
            self._row(transaction, message, content, epoch, at)
            for message, content in zip(publication.ids, publication.contents, strict=True)
        ]
        if len(rows) == 1:
            first = transaction.insert(SQL["accept"], rows[0])
            transaction.run(SQL["to_plan"], (first,))
        else:
            first = transaction.value(SQL["last_key"]) + 1
            keyed = ((first + n, *row) for n, row in enumerate(rows))
            transaction.many(SQL["accept_with_key"], keyed)
            transaction.run(SQL["to_plan_range"], (first, first + len(rows)))
        transaction.waiting += len(rows)
        if publication.key is not None:
            key = publication.key
            values = (key.owner, key.key, key.fingerprint, first, len(rows))
            transaction.run(SQL["take_key"], values)
        return Receipt(publication.ids, publication.accepted_at, replayed=False)

    def _row(
        self, transaction: Transaction, message: MessageId, content: Content, epoch: Epoch, at: int
    ) -> Row:
        only = None
        if content.only is not None:
            only = transaction.value(SQL["subscriber_key"], (content.only,))
            if only is None:
                raise Invalid.at("/only", f"there is no subscriber {content.only!r}")
        return (
            bytes.fromhex(message.replace("-", "")),
            self._categories.make(transaction, content.category),
            epoch,
            at,
            maybe_micros(content.expires_at),
            only,
            content.title,
            content.body,
        )


def _probe(transaction: Transaction) -> None:
    """As much as a small message takes, and nothing of it stays."""
    for name in ("write_probe", "forget_probe"):
        transaction.run(SQL[name])


def _answered(reading: Reading, key: IdempotencyKey) -> Receipt | None:
    row = reading.row(SQL["key_taken"], (key.owner, key.key))
    if row is None:
        return None
    fingerprint, first, messages = row
    if fingerprint != key.fingerprint:
        raise KeyReused(
            [Problem("", "this Idempotency-Key stands for a request with other content")]
        )
    rows = reading.rows(SQL["ids_from"], (first, messages))
    return Receipt([_id(row[0]) for row in rows], moment(rows[0][1]), replayed=True)


def _id(value: bytes) -> MessageId:
    text = value.hex()
    return MessageId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


def message_of(row: Row) -> Message:
    """A message from the columns that every query of `messages.sql` gives."""
    key, uuid, category, epoch, accepted_at, expires_at, only, title, body = row[:9]
    return Message(
        id=_id(uuid),
        key=MessageKey(key),
        epoch=Epoch(epoch),
        accepted_at=moment(accepted_at),
        content=Content(
            category=category,
            body=body,
            title=title,
            expires_at=maybe_moment(expires_at),
            only=None if only is None else SubscriberId(only),
        ),
    )


def status(reading: Reading, row: Row) -> MessageStatus:
    """The message with its counts; no row of the log is counted for it."""
    message = message_of(row)
    counts = reading.rows(SQL["counts"], (message.key,))
    unplanned = reading.value(SQL["is_unplanned"], (message.key,)) is not None
    if unplanned:
        state = MessageState.DELIVERING if counts else MessageState.ACCEPTED
    else:
        state = MessageState.DELIVERING if any(row[8] for row in counts) else MessageState.DONE
    return MessageStatus(
        message=message,
        state=state,
        total=None if unplanned else sum(row[1] for row in counts),
        by_channel={row[0]: dict(zip(COUNTED, row[2:8], strict=True)) for row in counts},
        cancelled_at=maybe_moment(row[9]),
    )


def _meets(store: SqliteMessages) -> MessageStore:
    return store
