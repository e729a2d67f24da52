"""The log."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from notefly.adapters.relational.cursors import decode, encode
from notefly.adapters.relational.messages import message_of
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.replay import Replayer
from notefly.adapters.relational.rows import reason_of
from notefly.adapters.relational.segments import Segment
from notefly.adapters.relational.standing import Found, Place, Teller
from notefly.adapters.relational.story import story
from notefly.adapters.relational.transaction import Database, Reading
from notefly.adapters.relational.walk import LAST, START, Stop, Walk
from notefly.domain.batch import BatchRef
from notefly.domain.delivery import Reason
from notefly.domain.errors import NotFound
from notefly.domain.ids import (
    DeliveryId,
    MessageId,
    SubscriberKey,
    delivery_id,
    parse_delivery_id,
)
from notefly.domain.log import DeadGroup, DeliveryFilter, DeliveryStory, LoggedDelivery, Page
from notefly.ports.delivery_log import DeliveryLog

PAGE_SECONDS = 0.05
"""How long a page may search before it answers with what it has, and a cursor to go on."""


class RelationalDeliveries:
    """See `DeliveryLog`."""

    def __init__(
        self, database: Database, categories: Names, channels: Names, kinds: Mapping[str, str]
    ) -> None:
        self._database = database
        self._categories = categories
        self._channels = channels
        self._teller = Teller(channels, kinds)
        self._replayer = Replayer(categories, channels)

    async def query(
        self, wanted: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[LoggedDelivery]:
        keys = decode(cursor, 3) if cursor else START
        start = (keys[0], keys[1], keys[2])
        if wanted.state is None and wanted.reason is not None:
            wanted = replace(wanted, state=wanted.reason.state)
        return await self._database.read(lambda reading: self._page(reading, wanted, limit, start))

    async def get(self, delivery: DeliveryId) -> DeliveryStory | None:
        message, channel, subscriber = parse_delivery_id(delivery)

        def work(reading: Reading) -> DeliveryStory | None:
            place = self._place(reading, message, channel)
            if place is None:
                return None
            at = Segment(place, None, None, subscriber - 1, subscriber).read(reading, 1)
            return story(reading, self._teller, place, at[0]) if at else None

        return await self._database.read(work)

    async def dead_groups(self) -> Sequence[DeadGroup]:
        def work(reading: Reading) -> Sequence[DeadGroup]:
            return [self._group(reading, *row) for row in reading.rows("deliveries.dead_groups")]

        return await self._database.read(work)

    async def count_dead(self, wanted: DeliveryFilter) -> int:
        return await self._database.read(lambda reading: self._replayer.count(reading, wanted))

    async def replay(
        self, wanted: DeliveryFilter, limit: int, expires_at: datetime | None, at: datetime
    ) -> tuple[int, Sequence[BatchRef]]:
        return await self._database.write(
            lambda transaction: self._replayer.all(transaction, wanted, limit, expires_at, at),
            urgent=False,
        )

    async def replay_one(
        self, delivery: DeliveryId, expires_at: datetime | None, at: datetime
    ) -> Sequence[BatchRef]:
        parts = parse_delivery_id(delivery)
        if await self.get(delivery) is None:
            raise NotFound(f"there is no delivery {delivery!r}")
        return await self._database.write(
            lambda transaction: self._replayer.one(transaction, parts, expires_at, at)
        )

    def _page(
        self, reading: Reading, wanted: DeliveryFilter, limit: int, start: Stop
    ) -> Page[LoggedDelivery]:
        person = 0
        if wanted.subscriber is not None:
            person = reading.value("deliveries.subscriber_key", (wanted.subscriber,)) or -1
        stop_at = time.monotonic() + PAGE_SECONDS
        lines: list[tuple[Place, Found]] = []
        following = None
        for place, done in Walk(reading, wanted, start, self._categories, self._channels).places():
            after, through = (max(done, person - 1), person) if person else (done, LAST)
            part = Segment(place, wanted.state, wanted.reason, after, through)
            lines += ((place, at) for at in part.read(reading, limit + 1 - len(lines)))
            if len(lines) > limit:
                ended, at = lines[limit - 1]
                following = encode(ended.message.key, ended.channel, at.subscriber)
                break
            if time.monotonic() > stop_at:
                following = encode(place.message.key, place.channel, LAST)
                break
        return Page(self._teller.told(reading, lines[:limit]), following)

    def _place(self, reading: Reading, message: MessageId, channel: str) -> Place | None:
        key = reading.value("deliveries.message_key", (UUID(message).bytes,))
        channel_key = self._channels.find(reading, channel)
        row = None if key is None else reading.row("deliveries.message", (key,))
        if row is None or channel_key is None:
            return None
        return Place(message_of(row), row, channel_key, channel)

    def _group(
        self, reading: Reading, channel: int, reason: int, count: int, newest: int
    ) -> DeadGroup:
        name = self._channels.name(reading, channel)
        sample = reading.row("deliveries.dead_sample", (newest, channel, reason)) or (
            0,
            None,
            bytes(16),
        )
        message = MessageId(str(UUID(bytes=sample[2])))
        return DeadGroup(
            channel=name,
            reason=reason_of(reason) or Reason.REFUSED,
            count=count,
            sample=delivery_id(message, name, SubscriberKey(sample[0])),
            detail=sample[1],
        )


def _meets(store: RelationalDeliveries) -> DeliveryLog:
    return store
