"""API keys in SQLite: the broker's own, or those of a guest beside it."""

from notefly.adapters.relational.keys import RelationalKeys
from notefly.ports.key_store import KeyStore


class SqliteKeys(RelationalKeys):
    """See `KeyStore`."""


def _meets(keys: SqliteKeys) -> KeyStore:
    return keys
