"""How much waits."""

from typing import Protocol


class Backlog(Protocol):
    """Work that was accepted and has not ended."""

    def waiting(self) -> int:
        """Deliveries that have not ended; a message that is not planned yet counts as one.

        Of the last commit, and exact. It is known, not looked up: asking costs nothing.
        """
        ...
