"""Replay: another round for dead letters, in batches that share a lineage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notefly.adapters.relational.names import Names
from notefly.adapters.relational.rows import reason_code
from notefly.adapters.relational.times import maybe_micros, micros
from notefly.adapters.relational.transaction import Reading, Row, Transaction
from notefly.domain.batch import BatchRef
from notefly.domain.delivery import StateCode
from notefly.domain.errors import Conflict
from notefly.domain.ids import BatchKey, MessageId, MessageKey, SubscriberKey
from notefly.domain.log import DeliveryFilter


@dataclass(frozen=True, slots=True)
class Replayer:
    """Finds dead letters and reopens them."""

    categories: Names
    channels: Names

    def count(self, reading: Reading, wanted: DeliveryFilter) -> int:
        """How many match."""
        found: int = reading.value("deliveries.count_dead", self._scope(reading, wanted))
        return found

    def all(
        self,
        transaction: Transaction,
        wanted: DeliveryFilter,
        limit: int,
        expires_at: datetime | None,
        at: datetime,
    ) -> tuple[int, Sequence[BatchRef]]:
        """Up to `limit` that match and may be tried again."""
        scope = self._scope(transaction, wanted) | {
            "any_age": expires_at is not None,
            "at": micros(at),
            "limit": limit,
        }
        rows = transaction.rows("deliveries.dead", scope)
        lineages: dict[tuple[int, ...], list[Row]] = {}
        for row in rows:
            message, channel, _, batch, attempt, round_, _ = row
            lineages.setdefault((message, channel, batch, attempt, round_), []).append(row)
        refs = [self._reopen(transaction, group, expires_at, at) for group in lineages.values()]
        return len(rows), refs

    def one(
        self,
        transaction: Transaction,
        delivery: tuple[MessageId, str, SubscriberKey],
        expires_at: datetime | None,
        at: datetime,
    ) -> Sequence[BatchRef]:
        """For a delivery that is in the log. Raises Conflict when it is not dead or has expired."""
        message, channel, subscriber = delivery
        key = transaction.value("deliveries.message_key", (UUID(message).bytes,))
        row = transaction.row(
            "deliveries.one", (key, self.channels.find(transaction, channel), subscriber)
        )
        if row is None:
            # It is in the log, so it is under way and has no row yet.
            raise Conflict("it has not ended yet; only what is dead can be replayed")
        if row[7] != StateCode.DEAD:
            raise Conflict(f"it is {StateCode(row[7]).state}; only what is dead can be replayed")
        if expires_at is None and row[6] is not None and row[6] <= micros(at):
            raise Conflict("the message has expired; give a new expires_at")
        return [self._reopen(transaction, [row], expires_at, at)]

    def _reopen(
        self, transaction: Transaction, rows: list[Row], expires_at: datetime | None, at: datetime
    ) -> BatchRef:
        """Rows of one batch and attempt: their numbers go on together, their budget starts anew."""
        message, channel, first, parent, attempt, round_, _ = rows[0][:7]
        batch = transaction.insert(
            "deliveries.add_replay",
            (
                message,
                channel,
                first,
                rows[-1][2],
                len(rows),
                parent,
                round_ + 1,
                attempt,
                attempt,
                maybe_micros(expires_at),
            ),
        )
        transaction.waiting += len(rows)
        transaction.many("deliveries.keep_round", [(*row[:3], micros(at)) for row in rows])
        transaction.many("deliveries.reopen", [(*row[:3], batch) for row in rows])
        name = self.channels.name(transaction, channel)
        return BatchRef(BatchKey(batch), MessageKey(message), name, len(rows))

    def _scope(self, reading: Reading, wanted: DeliveryFilter) -> dict[str, Any]:
        """The filter in keys; a name that was never used matches nothing."""
        return {
            "message": _key(
                reading, "deliveries.message_key", wanted.message and UUID(wanted.message).bytes
            ),
            "subscriber": _key(reading, "deliveries.subscriber_key", wanted.subscriber),
            "channel": wanted.channel and (self.channels.find(reading, wanted.channel) or -1),
            "category": wanted.category and (self.categories.find(reading, wanted.category) or -1),
            "reason": reason_code(wanted.reason),
            "since": maybe_micros(wanted.since),
            "until": maybe_micros(wanted.until),
        }


def _key(reading: Reading, statement: str, value: str | bytes | None) -> int | None:
    if value is None:
        return None
    found: int | None = reading.value(statement, (value,))
    return -1 if found is None else found
