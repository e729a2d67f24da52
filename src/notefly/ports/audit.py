"""What proves the promise from the store."""

from collections.abc import AsyncIterator
from typing import Protocol

from notefly.domain.log import Looked, Violation


class Audit(Protocol):
    """The invariants of the promise, checked on the record."""

    def invariants(self) -> tuple[str, ...]:
        """Their names, in the order they are checked."""
        ...

    def check(self, invariant: str) -> AsyncIterator[Looked | Violation]:
        """Every place where it does not hold, and in between how much was looked at.

        In constant memory, however long the log is. Raises StoreUnusable without a store.
        """
        ...
