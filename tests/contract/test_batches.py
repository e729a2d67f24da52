import pytest

from notefly.domain.batch import NOBODY
from notefly.ports.people import People
from tests.contract.leasing import leasing
from tests.contract.planning import planning
from tests.contract.poisoning import poisoning
from tests.contract.recording import recording
from tests.contract.stopping import stopping
from tests.contract.wrong_batches import WRONG, WrongBatches
from tests.support.checks import Check
from tests.support.story import started
from tests.support.world import World


@planning.parametrise()
async def test_every_batch_store_plans(world: World, check: Check) -> None:
    await check(world)


@leasing.parametrise()
async def test_every_batch_store_leases(world: World, check: Check) -> None:
    await check(world)


@recording.parametrise()
async def test_every_batch_store_records(world: World, check: Check) -> None:
    await check(world)


async def test_a_whole_batch_is_read_as_one_text(world: World) -> None:
    """Else it would be read by rows, as where a text cannot tell it: right, and twice."""
    _, claimed = await started(world, *"abc")
    [whole] = await world.batches.hand_over([claimed], NOBODY, 3, world.clock.now())
    [part] = await world.batches.hand_over([claimed], NOBODY, 2, world.clock.now())
    assert (isinstance(whole.recipients, People), len(whole.recipients)) == (True, 3)
    assert (isinstance(part.recipients, People), len(part.recipients)) == (False, 2)


@stopping.parametrise()
async def test_every_batch_store_stops(world: World, check: Check) -> None:
    await check(world)


@poisoning.parametrise()
async def test_every_batch_store_finds_who_kills(world: World, check: Check) -> None:
    await check(world)


@pytest.mark.parametrize("wrong", WRONG)
async def test_the_suites_notice_wrong_ones(wrong: type[WrongBatches]) -> None:
    failed: list[str] = []
    for suite in (planning, leasing, recording, stopping, poisoning):
        failed += await suite.failed_by(wrong.of)
    assert failed
