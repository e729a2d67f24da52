"""What just happened, for everybody who wants to watch."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from notefly.domain.log import Event


class EventLog(Protocol):
    """Events are appended in the commit of the outcome they tell of; ids follow the commits.

    Kept for one hour or 100,000, whichever is less.
    """

    async def last(self) -> int:
        """The id of the newest event, 0 before the first."""
        ...

    async def read(self, after: int, limit: int) -> Sequence[Event] | None:
        """Events behind `after`, oldest first; None when some of them are not kept any more."""
        ...

    def watch(self) -> AsyncIterator[None]:
        """Yields at once and then whenever something was committed; never buffers."""
        ...

    async def forget(self, at: datetime) -> None:
        """Drop what is not kept any more."""
        ...
