"""API keys."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from notefly.adapters.relational.times import maybe_micros, maybe_moment, micros, moment
from notefly.adapters.relational.transaction import Reading, Row, Transaction
from notefly.domain.access import ApiKey, Scope, StoredKey
from notefly.domain.errors import Conflict
from notefly.ports.key_store import KeyStore

T = TypeVar("T")


class Access(Protocol):
    """A store to work in: the broker's own, or a guest beside it."""

    async def write(self, work: Callable[[Transaction], T]) -> T: ...

    async def read(self, work: Callable[[Reading], T]) -> T: ...


class RelationalKeys:
    """See `KeyStore`."""

    def __init__(self, database: Access) -> None:
        self._database = database

    async def add(self, stored: StoredKey) -> None:
        def work(transaction: Transaction) -> None:
            key = stored.key
            added = transaction.run(
                "keys.add",
                (
                    key.id,
                    key.name,
                    " ".join(sorted(key.scopes)),
                    stored.digest,
                    micros(key.created_at),
                    maybe_micros(key.revoked_at),
                ),
            )
            if not added:
                raise Conflict("there is already an API key of that id; make another")

        await self._database.write(work)

    async def list(self) -> Sequence[ApiKey]:
        rows = await self._database.read(lambda reading: reading.rows("keys.list"))
        return [_stored(row).key for row in rows]

    async def find(self, key_id: str) -> StoredKey | None:
        return await self._database.read(lambda reading: _find(reading, key_id))

    async def revoke(self, key_id: str, at: datetime) -> ApiKey | None:
        def work(transaction: Transaction) -> ApiKey | None:
            transaction.run("keys.revoke", (micros(at), key_id))
            found = _find(transaction, key_id)
            return None if found is None else found.key

        return await self._database.write(work)

    async def link_secret(self, fresh: bytes) -> bytes:
        def work(transaction: Transaction) -> bytes:
            transaction.run("keys.keep_link_secret", (fresh,))
            return _secret(transaction) or fresh

        kept = await self._database.read(_secret)
        return await self._database.write(work) if kept is None else kept


def _secret(reading: Reading) -> bytes | None:
    value: bytes | None = reading.value("keys.link_secret")
    return value


def _find(reading: Reading, key_id: str) -> StoredKey | None:
    row = reading.row("keys.by_id", (key_id,))
    return None if row is None else _stored(row)


def _stored(row: Row) -> StoredKey:
    key_id, name, scopes, created_at, revoked_at, digest = row
    known = frozenset(map(Scope, scopes.split()))
    key = ApiKey(key_id, name, known, moment(created_at), maybe_moment(revoked_at))
    return StoredKey(key, digest)


def _meets(keys: RelationalKeys) -> KeyStore:
    return keys
