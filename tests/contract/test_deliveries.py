from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from notefly.domain.batch import BatchRef
from notefly.domain.ids import DeliveryId
from notefly.domain.log import DeliveryFilter, DeliveryStory, LoggedDelivery, Page
from notefly.ports.delivery_log import DeliveryLog
from tests.contract.log import log
from tests.contract.replaying import replaying
from tests.support.checks import Check
from tests.support.world import World


@log.parametrise()
async def test_every_log_answers(world: World, check: Check) -> None:
    await check(world)


@replaying.parametrise()
async def test_every_log_replays(world: World, check: Check) -> None:
    await check(world)


@dataclass
class Wrong:
    """A right log, but for what a subclass breaks."""

    right: DeliveryLog

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)

    @classmethod
    def of(cls, world: World) -> World:
        return replace(world, deliveries=cls(world.deliveries))


class OverlappingPages(Wrong):
    """The first line of a page is the last of the page before."""

    last: LoggedDelivery | None = None

    async def query(
        self, wanted: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[LoggedDelivery]:
        page = await self.right.query(wanted, limit, cursor)
        if cursor and self.last and page.items:
            page = Page([self.last, *page.items[1:]], page.next)
        self.last = page.items[-1] if page.items else None
        return page


class FiltersThePage(Wrong):
    """A page is read first and filtered afterwards, and ends where it finds nothing."""

    async def query(
        self, wanted: DeliveryFilter, limit: int, cursor: str | None
    ) -> Page[LoggedDelivery]:
        page = await self.right.query(replace(wanted, state=None), limit, cursor)
        fitting = [line for line in page.items if wanted.state in (None, line.state)]
        return Page(fitting, page.next if fitting else None)


class ForgetsRounds(Wrong):
    """The story begins with the last replay."""

    async def get(self, delivery: DeliveryId) -> DeliveryStory | None:
        story = await self.right.get(delivery)
        return story and replace(story, rounds=[], attempts=story.attempts[-1:])


class ReplaysExpired(Wrong):
    """An old message is tried again without being asked twice."""

    async def replay_one(
        self, delivery: DeliveryId, expires_at: datetime | None, at: datetime
    ) -> Sequence[BatchRef]:
        return await self.right.replay_one(delivery, expires_at or at.replace(year=2100), at)


@pytest.mark.parametrize("wrong", [OverlappingPages, FiltersThePage, ForgetsRounds, ReplaysExpired])
async def test_the_suites_notice_wrong_ones(wrong: type[Wrong]) -> None:
    assert await log.failed_by(wrong.of) or await replaying.failed_by(wrong.of)
