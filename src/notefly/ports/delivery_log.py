"""The log of deliveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from notefly.domain.batch import BatchRef
from notefly.domain.ids import DeliveryId
from notefly.domain.log import DeadGroup, DeliveryFilter, DeliveryStory, LoggedDelivery, Page


class DeliveryLog(Protocol):
    """Every delivery that was ever due, whether a row stands for it yet or not."""

    async def query(
        self, wanted: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[LoggedDelivery]:
        """Newest message first, then by channel and person. Raises Invalid for a foreign cursor."""
        ...

    async def get(self, delivery: DeliveryId) -> DeliveryStory | None:
        """One, with its attempts and earlier rounds. Raises NotFound for an id of no such shape."""
        ...

    async def dead_groups(self) -> Sequence[DeadGroup]:
        """Dead letters counted by channel and reason."""
        ...

    async def count_dead(self, wanted: DeliveryFilter) -> int:
        """How many dead letters match."""
        ...

    async def replay(
        self, wanted: DeliveryFilter, limit: int, expires_at: datetime | None, at: datetime
    ) -> tuple[int, Sequence[BatchRef]]:
        """Open a new round of up to `limit` dead letters that match; durable when it returns.

        Those of an expired message are left out unless `expires_at` is given.
        """
        ...

    async def replay_one(
        self, delivery: DeliveryId, expires_at: datetime | None, at: datetime
    ) -> Sequence[BatchRef]:
        """The same for one. Raises NotFound, or Conflict when it is not dead or has expired."""
        ...
