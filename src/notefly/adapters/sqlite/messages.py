"""Accepting messages in SQLite: the writer's transaction is the group."""

from notefly.adapters.relational.messages import RelationalMessages, answered
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.times import maybe_micros, micros
from notefly.adapters.relational.transaction import Row, Transaction
from notefly.adapters.sqlite.database import Database
from notefly.domain.errors import Invalid
from notefly.domain.ids import Epoch, MessageId
from notefly.domain.message import Content
from notefly.ports.message_store import MessageStore, Publication, Receipt


class SqliteMessages(RelationalMessages):
    """See `MessageStore`."""

    def __init__(self, database: Database, categories: Names) -> None:
        super().__init__(database, categories)
        self._file = database

    async def ready(self) -> None:
        if self._file.refused:
            await self._file.write(_probe)
            self._file.refused = False

    async def accept(self, publication: Publication) -> Receipt:
        return await self._database.write(
            lambda transaction: self._accept(transaction, publication)
        )

    def _accept(self, transaction: Transaction, publication: Publication) -> Receipt:
        if publication.key is not None:
            known = answered(transaction, publication.key)
            if known is not None:
                return known
        epoch, at = transaction.epoch, micros(publication.accepted_at)
        rows = [
            self._row(transaction, message, content, epoch, at)
            for message, content in zip(publication.ids, publication.contents, strict=True)
        ]
        if len(rows) == 1:
            first = transaction.insert("messages.accept", rows[0])
            transaction.run("messages.to_plan", (first,))
        else:
            first = transaction.value("messages.last_key") + 1
            keyed = ((first + n, *row) for n, row in enumerate(rows))
            transaction.many("messages.accept_with_key", keyed)
            transaction.run("messages.to_plan_range", (first, first + len(rows)))
        transaction.waiting += len(rows)
        if publication.key is not None:
            key = publication.key
            values = (key.owner, key.key, key.fingerprint, first, len(rows))
            transaction.run("messages.take_key", values)
        return Receipt(publication.ids, publication.accepted_at, replayed=False)

    def _row(
        self, transaction: Transaction, message: MessageId, content: Content, epoch: Epoch, at: int
    ) -> Row:
        only = None
        if content.only is not None:
            only = transaction.value("messages.subscriber_key", (content.only,))
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
    for name in ("messages.write_probe", "messages.forget_probe"):
        transaction.run(name)


def _meets(store: SqliteMessages) -> MessageStore:
    return store
