"""What the pages about people share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from notefly.client.broker_api import BrokerApi, BrokerRefused, Json
from notefly.client.choices import change
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

    async def catalogue(self) -> Catalogue:
        categories, channels = await asyncio.gather(self.broker.categories(), self.queue.channels())
        return Catalogue(categories, channels)

    async def choose(self, subscriber: str, choice: str) -> Json:
        """A cell on or off, and who they are now; the broker leaves all other choices alone."""
        try:
            wanted = change(choice)
        except ValueError as error:
            raise BrokerRefused(422, "this form names no category and channel") from error
        await self.api.choose(subscriber, wanted)
        return await self.api.one(subscriber)


def to_person(subscriber: str, **more: str) -> str:
    """Their page; an id may hold what an address must not."""
    return f"/subscribers/{quote(subscriber, safe='')}" + (f"?{urlencode(more)}" if more else "")
