"""Since when a change of choices has been durable, and what that says of a hand-over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from notefly.adapters.relational.times import micros
from notefly.domain.batch import Ending, Handed, Report
from notefly.domain.errors import Conflict
from notefly.domain.ids import SubscriberId, SubscriberKey
from tests.support.story import DELIVERED, join, plan, profile, retry, started
from tests.support.time import VirtualClock
from tests.support.world import World, opened, sqlite_file, violations

NOBODY = SubscriberKey(0)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with sqlite_file(tmp_path, VirtualClock()) as opened:
        yield opened


async def stamps(world: World) -> list[tuple[int, int]]:
    """What is known after another transaction; the current epoch comes last."""
    await plan(world)
    rows: list[tuple[int, int]] = await world.inside.database.read(
        lambda reading: reading.rows("SELECT number, at FROM epoch ORDER BY number")
    )
    return rows


async def epoch(world: World) -> int:
    number: int = await world.inside.database.read(lambda reading: reading.epoch)
    return number


async def test_every_change_of_choices_has_its_time(world: World) -> None:
    first = (await epoch(world), micros(world.clock.now()))
    assert await stamps(world) == [first]
    world.clock.advance(5)
    await join(world, "ada")
    joined = (await epoch(world), micros(world.clock.now()))
    world.clock.advance(5)
    assert await stamps(world) == [first, joined]
    await join(world, "bob", "eve")
    world.clock.advance(5)
    await world.subscribers.erase(SubscriberId("ada"), world.clock.now())
    assert [number for number, _ in await stamps(world)] == [1, 2, 3, 4]
    assert (await stamps(world))[-1] == (await epoch(world), micros(world.clock.now()))


async def test_a_change_that_was_undone_moves_nothing(world: World) -> None:
    await join(world, "ada")
    before = await stamps(world)
    world.clock.advance(5)
    with pytest.raises(Conflict):
        await world.subscribers.add([profile("ada")], world.clock.now())
    assert await stamps(world) == before


async def test_what_the_last_process_could_not_write_down_is_durable_at_the_start(
    tmp_path: Path,
) -> None:
    clock = VirtualClock()
    async with sqlite_file(tmp_path, clock) as world:
        await join(world, "ada")
        last = await epoch(world)
    clock.advance(60)
    async with opened(str(tmp_path / "notefly.db"), clock) as store:
        at = await store.database.read(
            lambda reading: reading.value("SELECT at FROM epoch WHERE number = ?", (last,))
        )
    assert at == micros(clock.now())


@pytest.mark.parametrize(("seconds", "late"), [(1.0, False), (1.000_001, True)])
async def test_a_second_after_the_change_nothing_may_start(
    world: World, seconds: float, late: bool
) -> None:
    """Consent was read before the change, which is right; the call came too late after it."""
    _, claimed = await started(world, "ada", "bob")
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    await world.subscribers.erase(SubscriberId("ada"), world.clock.now())
    world.clock.advance(seconds)
    now = world.clock.now()
    handed = Handed(part.after, part.through, part.epoch, now, DELIVERED, 2)
    await world.batches.finish([Report(claimed, Ending.FINISHED, now, [handed])])
    assert [found.invariant for found in await violations(world)] == ["I10"] * late


async def test_so_it_is_for_an_attempt_that_was_not_the_last(world: World) -> None:
    _, claimed = await started(world, "ada", "bob")
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    await world.subscribers.erase(SubscriberId("ada"), world.clock.now())
    now = world.clock.advance(2)
    later = retry(now)
    handed = Handed(part.after, part.through, part.epoch, now, later, 2)
    await world.batches.finish([Report(claimed, Ending.RELEASED, now, [handed])])
    assert [found.invariant for found in await violations(world)] == ["I10"]
