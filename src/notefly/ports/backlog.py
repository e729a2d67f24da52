"""How much waits."""

from typing import Protocol


class Backlog(Protocol):
    """Work that was accepted and has not ended."""

    def waiting(self) -> int:
        """Deliveries that have not ended; a message that is not planned yet counts as one.

        Of this process's last commit, and exact as long as no other writes to the store; what
        others changed is counted in a few seconds later. It is known, not looked up: asking costs
        nothing.
        """
        ...
