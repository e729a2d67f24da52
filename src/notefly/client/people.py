"""What the pages about people share: the catalogue, and changes that do not undo each other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode
from weakref import WeakValueDictionary

from notefly.client.broker_api import BrokerApi, BrokerRefused, Json
from notefly.client.choices import after
from notefly.client.people_api import PeopleApi
from notefly.client.queue_api import QueueApi


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is configured."""

    categories: Sequence[str]
    channels: Sequence[Json]


@dataclass(frozen=True, slots=True)
class People:
    """Who is registered, and what they chose."""

    api: PeopleApi
    broker: BrokerApi
    queue: QueueApi
    _changing: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def catalogue(self) -> Catalogue:
        categories, channels = await asyncio.gather(self.broker.categories(), self.queue.channels())
        return Catalogue(categories, channels)

    async def choose(self, subscriber: str, choice: str) -> Json:
        """A cell on or off; two quick clicks on one person wait for each other."""
        async with self._changing.setdefault(subscriber, asyncio.Lock()):
            stored = await self.api.one(subscriber)
            try:
                change = after(stored, choice)
            except ValueError as error:
                raise BrokerRefused(422, "this form names no category and channel") from error
            return await self.api.change(subscriber, change)


def to_person(subscriber: str, **more: str) -> str:
    """Their page; an id may hold what an address must not."""
    return f"/subscribers/{quote(subscriber, safe='')}" + (f"?{urlencode(more)}" if more else "")
