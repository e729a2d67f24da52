from dataclasses import dataclass, replace
from pathlib import Path

from tests.contract.waiting import waiting
from tests.support.checks import Check
from tests.support.story import join, plan, publish
from tests.support.time import VirtualClock
from tests.support.world import Adapter, World


@waiting.parametrise()
async def test_every_backlog(world: World, check: Check) -> None:
    await check(world)


async def test_it_is_known_again_after_a_restart(adapter: Adapter, tmp_path: Path) -> None:
    if not adapter.durable:
        return
    clock = VirtualClock()
    async with adapter.opens(tmp_path, clock) as world:
        await join(world, *"abc")
        await publish(world)
        await plan(world)
        await publish(world)
        assert world.backlog.waiting() == 4
    async with adapter.opens(tmp_path, clock) as world:
        assert world.backlog.waiting() == 4


@dataclass
class Wrong:
    """Counts messages, however many they are for."""

    world: World

    def waiting(self) -> int:
        return min(1, self.world.backlog.waiting())


async def test_the_suite_notices_a_wrong_one() -> None:
    assert len(await waiting.failed_by(lambda w: replace(w, backlog=Wrong(w)))) >= 3
