"""What the queue forgot is offered again, a large backlog without haste."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.application import engine
from notefly.domain.batch import BatchRef
from notefly.domain.ids import BatchKey
from notefly.ports.clock import Clock
from tests.application.house import house_with
from tests.support.channels import Scripted
from tests.support.story import join, plan, publish


async def test_a_backlog_is_walked_through_a_few_pages_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 1)
    monkeypatch.setattr(engine, "PAGES_AT_ONCE", 2)
    async with house_with(tmp_path, Scripted()) as house:
        await join(house.world, "ada")
        for _ in range(5):
            await publish(house.world)
        refs = await plan(house.world)
        walker = house.engine()
        stops, depths, after = [], [], BatchKey(0)
        for _ in range(3):
            after = await walker._offer_some(after)
            stops.append(after)
            depths.append(await house.queue.depth())
        assert stops == [refs[1].batch, refs[3].batch, 0]
        assert depths == [2, 4, 5]


class Recorded(InProcessQueue):
    """Says what was offered, and how often."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.offered: list[BatchRef] = []

    @override
    async def offer(self, refs: Sequence[BatchRef]) -> None:
        self.offered += refs
        await super().offer(refs)


class Sometimes:
    """Leads at every second look, and not at the start."""

    def __init__(self) -> None:
        self.yes = True

    async def leads(self) -> bool:
        self.yes = not self.yes
        return self.yes


async def test_who_leads_again_walks_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PAGE", 1)
    monkeypatch.setattr(engine, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(engine, "RECONCILE_SECONDS", 0.001)
    async with house_with(tmp_path, Scripted()) as house:
        house.leadership, queue = Sometimes(), Recorded(house.clock)
        house.queue = queue
        await join(house.world, "ada")
        await publish(house.world)
        await publish(house.world)
        first, _ = await plan(house.world)
        await house.world.control.pause("sms")
        async with house.running():
            await house.until(lambda: offered_twice(queue))
        assert {ref.batch for ref in queue.offered} == {first.batch}


async def offered_twice(queue: Recorded) -> bool:
    return len(queue.offered) > 1
