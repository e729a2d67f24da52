"""What proves the promise from the store."""

from collections.abc import AsyncIterator
from typing import Protocol

from notefly.domain.log import Violation


class Audit(Protocol):
    """The invariants of the promise, checked on the record."""

    def invariants(self) -> tuple[str, ...]:
        """Their names, in the order they are checked."""
        ...

    def violations(self, invariant: str) -> AsyncIterator[Violation]:
        """Every place where it does not hold."""
        ...
