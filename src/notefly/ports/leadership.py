"""Who looks after what all processes share."""

from typing import Protocol


class Leadership(Protocol):
    """Of all processes on one store at most one leads, and when it ends another one does soon.

    It saves work and is no lock: for a moment two may believe it, so whatever a leader does must
    be right if it is done twice.
    """

    async def leads(self) -> bool:
        """Whether this process leads now; asked before each piece of work. Never raises."""
        ...
