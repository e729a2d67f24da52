"""Whether there is room for more work."""

from dataclasses import dataclass

from notefly.domain.errors import Unavailable
from notefly.ports.backlog import Backlog


@dataclass(frozen=True, slots=True)
class Room:
    """More is accepted while fewer than `most` deliveries wait.

    What is under way when the limit is reached still comes in, so it can be passed by the requests
    of one moment. What was accepted is never dropped: there is room again once some of it ended.
    """

    backlog: Backlog
    most: int

    def refusal(self) -> Unavailable | None:
        """Why nothing more can be accepted now; None while there is room."""
        if self.backlog.waiting() < self.most:
            return None
        return Unavailable(
            f"{self.most:,} deliveries wait, which is as many as NOTEFLY_BACKLOG allows; "
            "nothing was stored, try again when some of them have ended"
        )
