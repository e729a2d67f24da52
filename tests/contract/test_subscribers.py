from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from notefly.domain.ids import SubscriberId
from notefly.domain.subscriber import Preferences, Profile, Subscriber
from notefly.ports.subscriber_store import SubscriberStore
from tests.contract.subscribers import subscribers
from tests.support.checks import Check
from tests.support.world import World


@subscribers.parametrise()
async def test_every_subscriber_store(world: World, check: Check) -> None:
    await check(world)


@dataclass
class Wrong:
    """A right store, but for what a subclass breaks."""

    right: SubscriberStore

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


class ReadsThenWrites(Wrong):
    """Somebody may come in between reading and writing."""

    async def revise(
        self, subscriber: SubscriberId, change: Callable[[Profile], Profile], at: datetime
    ) -> Subscriber | None:
        found = await self.right.get(subscriber)
        return found and (await self.right.put(change(found.profile), at))[0]


class OnlyHides(Wrong):
    """Erasure that keeps the person."""

    async def erase(self, subscriber: SubscriberId, at: datetime) -> bool:
        def silenced(old: Profile) -> Profile:
            return replace(old, preferences=Preferences())

        return await self.right.revise(subscriber, silenced, at) is not None


async def test_the_suite_notices_wrong_ones() -> None:
    for wrong in (ReadsThenWrites, OnlyHides):
        failed = await subscribers.failed_by(
            lambda world, wrong=wrong: replace(world, subscribers=wrong(world.subscribers))  # type: ignore[misc]
        )
        assert failed, wrong.__name__
