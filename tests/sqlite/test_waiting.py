"""The wall clock was set back while nothing ran: what waits is not held up by it."""

from datetime import timedelta
from pathlib import Path

from notefly.domain.ids import BatchKey
from tests.support.story import DELIVERED, claim, finish, retry, started
from tests.support.time import VirtualClock
from tests.support.world import sqlite_file

DAYS = timedelta(days=3)
HALF_A_MINUTE = timedelta(seconds=30)


async def test_a_retry_waits_no_longer_after_a_restart_with_the_clock_set_back(
    tmp_path: Path,
) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        noon = world.clock.now()
        _, claimed = await started(world, "ada")
        await finish(world, claimed, retry(noon + HALF_A_MINUTE))
    async with sqlite_file(tmp_path, VirtualClock(noon - DAYS)) as world:
        [ref] = await world.batches.unfinished(BatchKey(0), 10)
        assert ref.due_at == noon - DAYS + HALF_A_MINUTE
        world.clock.advance(30)
        [again] = await claim(world, ref)
        await finish(world, again, DELIVERED)


async def test_a_retry_keeps_its_time_over_a_restart(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        noon = world.clock.now()
        _, claimed = await started(world, "ada")
        await finish(world, claimed, retry(noon + DAYS))
    async with sqlite_file(tmp_path, VirtualClock(noon + HALF_A_MINUTE)) as world:
        [ref] = await world.batches.unfinished(BatchKey(0), 10)
        assert ref.due_at == noon + DAYS
