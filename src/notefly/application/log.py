"""Ask the log, and replay what is dead in it."""

from dataclasses import dataclass, replace
from datetime import datetime

from notefly.application.catalogue import Catalogue
from notefly.domain.batch import Recipient
from notefly.domain.delivery import State
from notefly.domain.errors import Invalid, NotFound
from notefly.domain.ids import DeliveryId
from notefly.domain.log import DeliveryFilter, DeliveryStory, LoggedDelivery, Page
from notefly.ports.channel import Rendering
from notefly.ports.clock import Clock
from notefly.ports.delivery_log import DeliveryLog
from notefly.ports.work_queue import WorkQueue

REPLAY_STEP = 1_000
"""Dead letters that are reopened in one commit, so that a large replay delays nobody."""


@dataclass(frozen=True, slots=True)
class QueryLog:
    """The log as it can be read: every delivery, explained, with what went out."""

    log: DeliveryLog
    catalogue: Catalogue

    async def page(
        self, wanted: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[LoggedDelivery]:
        """Raises Invalid for a cursor that no page gave."""
        return await self.log.query(wanted, limit, cursor)

    async def story(self, text: str) -> tuple[DeliveryStory, Rendering | None]:
        """One delivery with its attempts and what goes out; None where the address was erased.

        Raises NotFound, for an id of any shape.
        """
        story = await self.log.get(DeliveryId(text))
        if story is None:
            raise NotFound(f"there is no delivery {text!r}")
        return story, self._rendered(story)

    def _rendered(self, story: DeliveryStory) -> Rendering | None:
        delivery = story.delivery
        channel = self.catalogue.channels.get(delivery.channel)
        if channel is None or delivery.address is None or delivery.subscriber_id is None:
            return None
        recipient = Recipient(
            delivery.subscriber_key,
            delivery.subscriber_id,
            delivery.subscriber_name or "",
            delivery.address,
        )
        return channel.render(story.message, recipient)


@dataclass(frozen=True, slots=True)
class Replay:
    """Give dead letters another round, under the same delivery id."""

    log: DeliveryLog
    queue: WorkQueue
    clock: Clock

    async def one(self, text: str, expires_at: datetime | None) -> None:
        """Raises NotFound; Conflict when it is not dead, or expired without a new `expires_at`."""
        self._future(expires_at)
        refs = await self.log.replay_one(DeliveryId(text), expires_at, self.clock.now())
        await self.queue.offer(refs)

    async def count(self, wanted: DeliveryFilter) -> int:
        """How many `all` would look at."""
        return await self.log.count_dead(replace(wanted, state=State.DEAD))

    async def all(self, wanted: DeliveryFilter, expires_at: datetime | None) -> int:
        """Reopen everything that matches, some at a time; how many were.

        Never more than are dead when it begins: what dies again meanwhile does not go round.
        """
        self._future(expires_at)
        wanted, total = replace(wanted, state=State.DEAD), 0
        left = await self.log.count_dead(wanted)
        while left > total:
            limit = min(REPLAY_STEP, left - total)
            reopened, refs = await self.log.replay(wanted, limit, expires_at, self.clock.now())
            if not reopened:
                break
            await self.queue.offer(refs)
            total += reopened
        return total

    def _future(self, expires_at: datetime | None) -> None:
        if expires_at is not None and expires_at <= self.clock.now():
            raise Invalid.at("/expires_at", "is in the past")
