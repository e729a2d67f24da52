"""What the queue forgot is offered again, a large backlog without haste."""

from pathlib import Path

import pytest

from notefly.application import engine
from notefly.domain.ids import BatchKey
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
