"""What becomes of a group of requests in one transaction: each is accepted, known or refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from notefly.adapters.postgres.partitions import make_ahead
from notefly.adapters.postgres.transaction import Transaction, columns
from notefly.adapters.relational.messages import replayed
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.times import maybe_micros, micros
from notefly.adapters.relational.transaction import Row
from notefly.domain.errors import Invalid, NoteflyError, Unavailable
from notefly.domain.ids import MessageId, SubscriberId
from notefly.domain.message import IdempotencyKey
from notefly.ports.message_store import Publication, Receipt

COLUMNS = ("keys", "ids", "categories", "times", "expiries", "onlies", "titles", "bodies")
KEY_COLUMNS = ("owners", "taken", "fingerprints", "firsts", "counts")
Answer = Receipt | NoteflyError
Known = dict[tuple[str, str], Row]
"""By owner and key: fingerprint, first message, how many."""
PROMISED = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings without which a commit is worth nothing; the last columns of `moment` and `trusted`."""


@dataclass(slots=True)
class Group:
    """One transaction's work: messages and idempotency keys to store, from key `first` on."""

    transaction: Transaction
    categories: Names
    first: int
    known: Known
    rows: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)

    def take(self, publication: Publication) -> Answer:
        """Store it with the group, unless its key says otherwise or it cannot be accepted."""
        key = publication.key
        try:
            if key is not None and (key.owner, key.key) in self.known:
                return self._again(key, *self.known[key.owner, key.key])
            rows = self._messages(publication)
        except NoteflyError as error:
            return error
        if key is not None:
            fingerprint, first = key.fingerprint, self.first + len(self.rows)
            self.known[key.owner, key.key] = (fingerprint, first, len(rows))
            self.keys.append((key.owner, key.key, fingerprint, first, len(rows)))
        self.rows += rows
        return Receipt(publication.ids, publication.accepted_at, replayed=False)

    def _again(self, key: IdempotencyKey, fingerprint: bytes, first: int, messages: int) -> Receipt:
        mine = self.rows[first - self.first :][:messages] if first >= self.first else None
        if mine is not None:
            found = [(row[0], row[2]) for row in mine]
        else:
            found = [
                (r[0], r[1]) for r in self.transaction.rows("messages.ids_from", (first, messages))
            ]
        return replayed(key, fingerprint, found)

    def _messages(self, publication: Publication) -> list[Row]:
        at = micros(publication.accepted_at)
        return [
            (
                _bytes(message),
                self.categories.make(self.transaction, content.category),
                at,
                maybe_micros(content.expires_at),
                self._only(content.only),
                content.title,
                content.body,
            )
            for message, content in zip(publication.ids, publication.contents, strict=True)
        ]

    def _only(self, only: SubscriberId | None) -> int | None:
        if only is None:
            return None
        key: int | None = self.transaction.value("messages.subscriber_key", (only,))
        if key is None:
            raise Invalid.at("/only", f"there is no subscriber {only!r}")
        return key

    def store(self, epoch: int) -> None:
        """All of it in one statement."""
        keys = range(self.first, self.first + len(self.rows))
        keyed = [(key, *row) for key, row in zip(keys, self.rows, strict=True)]
        arrays = zip(COLUMNS, columns(keyed), strict=True)
        taken = zip(KEY_COLUMNS, columns(self.keys) or [[]] * len(KEY_COLUMNS), strict=True)
        self.transaction.run("messages.accept", {"epoch": epoch, **dict(arrays), **dict(taken)})


def accept_all(
    transaction: Transaction, categories: Names, publications: Sequence[Publication]
) -> list[Answer]:
    """An answer for each, in order."""
    last = transaction.value("messages.last_key")
    epoch, covered = moment(transaction)
    known = _known(transaction, publications)
    group = Group(transaction, categories, last + 1, known)
    answers = [group.take(publication) for publication in publications]
    if group.rows:
        make_ahead(transaction, last + len(group.rows), covered)
        group.store(epoch)
        transaction.waiting += len(group.rows)
    return answers


def moment(transaction: Transaction) -> tuple[int, int]:
    """The epoch, held, and where partitions end.

    Raises Unavailable while the server can lose what it commits.
    """
    epoch, covered, *settings = transaction.row("messages.moment") or (0, 0)
    trust(settings)
    return epoch, covered


def trust(settings: Iterable[str]) -> None:
    """Raises Unavailable for a server that can lose what it commits."""
    for name, value in zip(PROMISED, settings, strict=False):
        if value == "off":
            raise Unavailable(
                f"PostgreSQL runs with {name}=off and would lose what it accepts: run "
                f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
            )


def _known(transaction: Transaction, publications: Sequence[Publication]) -> Known:
    asked = [(p.key.owner, p.key.key) for p in publications if p.key is not None]
    if not asked:
        return {}
    rows = transaction.rows("messages.keys_taken", columns(asked))
    return {(owner, key): tuple(rest) for owner, key, *rest in rows}


def _bytes(message: MessageId) -> bytes:
    return bytes.fromhex(message.replace("-", ""))
