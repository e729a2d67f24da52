"""Where people and their choices are kept."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from notefly.domain.ids import SubscriberId, SubscriberKey
from notefly.domain.log import Audience, Page
from notefly.domain.subscriber import Profile, Subscriber


class SubscriberStore(Protocol):
    """Subscribers. Every change of choices or addresses moves the epoch on, in its own commit."""

    async def add(self, profiles: Sequence[Profile], at: datetime) -> Sequence[Subscriber]:
        """All or none. Raises Conflict for an id that is taken; durable when it returns."""
        ...

    async def put(self, profile: Profile, at: datetime) -> tuple[Subscriber, bool]:
        """Create (True) or replace (False); durable when it returns."""
        ...

    async def revise(
        self,
        subscriber: SubscriberId,
        change: Callable[[Profile], Profile],
        at: datetime,
        only: SubscriberKey | None = None,
    ) -> Subscriber | None:
        """Replace by what `change` makes of it, with nobody in between. None: no such subscriber.

        With `only` it has to be that person still, and not somebody new under the same id.
        Whatever `change` raises comes out, and nothing is stored.
        """
        ...

    async def get(self, subscriber: SubscriberId) -> Subscriber | None: ...

    async def list(
        self, limit: int, cursor: str | None, text: str | None = None
    ) -> Page[Subscriber]:
        """In the order they were created; of `text` those whose id or name holds it.

        A to Z are the same in either case, everything else as it is written. Everybody up to the
        page's end is looked at: where few match that may be all of them.
        """
        ...

    async def erase(self, subscriber: SubscriberId, at: datetime) -> bool:
        """Close the intervals, remove name, id and addresses; the key stays, so counts add up."""
        ...

    async def audience(self, category: str, only: SubscriberId | None, sample: int) -> Audience:
        """Who a message accepted now would reach."""
        ...
