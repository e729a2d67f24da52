"""Categories and channels by their small integer keys, made when they are first met."""

from collections.abc import Iterable

from notefly.adapters.relational.transaction import Reading, Transaction


class Names:
    """One table of names. Only what is known to be committed is remembered."""

    def __init__(self, table: str) -> None:
        self._find = f"names.find_{table}"
        self._make = f"names.make_{table}"
        self._all = f"names.all_{table}"
        self._keys: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def prime(self, transaction: Transaction, names: Iterable[str]) -> None:
        """Make the configured ones, when the store is opened."""
        for name in names:
            self.make(transaction, name)

    def find(self, reading: Reading, name: str) -> int | None:
        """None for a name that was never used."""
        key = self._keys.get(name)
        return reading.value(self._find, (name,)) if key is None else key

    def make(self, transaction: Transaction, name: str) -> int:
        """The key, new where need be."""
        found = self.find(transaction, name)
        return transaction.insert(self._make, (name,)) if found is None else found

    def name(self, reading: Reading, key: int) -> str:
        """The name of a key that some row holds."""
        if key not in self._names:
            self.remember(reading)
        return self._names[key]

    def remember(self, reading: Reading) -> None:
        """Learn all that are committed; never called where they could still be undone."""
        for key, name in reading.rows(self._all):
            self._keys[name] = key
            self._names[key] = name
