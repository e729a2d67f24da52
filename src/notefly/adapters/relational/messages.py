"""Messages, but for accepting them, which each engine groups in its own way."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from notefly.adapters.relational.cursors import decode, encode
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.times import maybe_moment, micros, moment
from notefly.adapters.relational.transaction import Database, Reading, Row, Transaction
from notefly.domain.delivery import MessageState, State
from notefly.domain.errors import KeyReused, Problem
from notefly.domain.ids import OPEN, Epoch, MessageId, MessageKey, SubscriberId
from notefly.domain.log import MessageStatus, Page
from notefly.domain.message import Content, IdempotencyKey, Message
from notefly.ports.message_store import Receipt

COUNTED = (
    State.DELIVERED,
    State.DEAD,
    State.CANCELLED,
    State.SENDING,
    State.RETRYING,
    State.PENDING,
)
"""The columns of `counts` behind the total."""


class RelationalMessages:
    """See `MessageStore`."""

    def __init__(self, database: Database, categories: Names) -> None:
        self._database = database
        self._categories = categories

    async def answered(self, key: IdempotencyKey) -> Receipt | None:
        return await self._database.read(lambda reading: answered(reading, key))

    async def get(self, message: MessageId) -> MessageStatus | None:
        def work(reading: Reading) -> MessageStatus | None:
            row = reading.row("messages.by_id", (UUID(message).bytes,))
            return None if row is None else statuses(reading, [row])[0]

        return await self._database.read(work)

    async def list(
        self, limit: int, cursor: str | None, category: str | None
    ) -> Page[MessageStatus]:
        before = decode(cursor, 1)[0] if cursor else OPEN

        def work(reading: Reading) -> Page[MessageStatus]:
            if category is None:
                rows = reading.rows("messages.newest", (before, limit + 1))
            else:
                key = self._categories.find(reading, category)
                rows = reading.rows("messages.newest_in_category", (key, before, limit + 1))
            following = encode(rows[limit - 1][0]) if len(rows) > limit else None
            return Page(statuses(reading, rows[:limit]), following)

        return await self._database.read(work)

    async def cancel(self, message: MessageId, at: datetime) -> bool:
        def work(transaction: Transaction) -> bool:
            key = transaction.value("messages.key_of", (UUID(message).bytes,))
            if key is not None and transaction.run("messages.cancel", (micros(at), key)):
                transaction.run("messages.wake_waiting", (key,))
            return key is not None

        return await self._database.write(work)

    async def after(
        self, message: MessageId | None, category: str | None, limit: int
    ) -> Sequence[Message]:
        def work(reading: Reading) -> Sequence[Message]:
            key = (
                None
                if message is None
                else reading.value("messages.key_of", (UUID(message).bytes,))
            )
            if key is None:
                return []
            rows = reading.rows("messages.after", (key, category, category, limit))
            return [message_of(row) for row in rows]

        return await self._database.read(work)


def answered(reading: Reading, key: IdempotencyKey) -> Receipt | None:
    """What the key stands for, None when it is new. Raises KeyReused for other content."""
    row = reading.row("messages.key_taken", (key.owner, key.key))
    if row is None:
        return None
    fingerprint, first, messages = row
    found = reading.rows("messages.ids_from", (first, messages))
    return replayed(key, fingerprint, [(row[0], row[1]) for row in found])


def replayed(
    key: IdempotencyKey, fingerprint: bytes, messages: Sequence[tuple[bytes, int]]
) -> Receipt:
    """The answer that was given before, from ids and time. Raises KeyReused for other content."""
    if fingerprint != key.fingerprint:
        raise KeyReused(
            [Problem("", "this Idempotency-Key stands for a request with other content")]
        )
    return Receipt([_id(one) for one, _ in messages], moment(messages[0][1]), replayed=True)


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


def statuses(reading: Reading, rows: Sequence[Row]) -> list[MessageStatus]:
    """The messages with their counts; no row of the log is counted for it."""
    keys = reading.keys([row[0] for row in rows])
    unplanned = {key for (key,) in reading.rows("messages.unplanned", (keys,))}
    counts: dict[int, list[Row]] = {}
    for message, *count in reading.rows("messages.counts", (keys,)):
        counts.setdefault(message, []).append(tuple(count))
    return [_status(row, counts.get(row[0], []), planned=row[0] not in unplanned) for row in rows]


def _status(row: Row, counts: Sequence[Row], *, planned: bool) -> MessageStatus:
    if not planned:
        state = MessageState.DELIVERING if counts else MessageState.ACCEPTED
    else:
        state = MessageState.DELIVERING if any(row[8] for row in counts) else MessageState.DONE
    return MessageStatus(
        message=message_of(row),
        state=state,
        total=sum(row[1] for row in counts) if planned else None,
        by_channel={row[0]: dict(zip(COUNTED, row[2:8], strict=True)) for row in counts},
        cancelled_at=maybe_moment(row[9]),
        batches=sum(row[9] for row in counts) if planned else None,
    )
