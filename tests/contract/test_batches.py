import pytest

from tests.contract.leasing import leasing
from tests.contract.planning import planning
from tests.contract.poisoning import poisoning
from tests.contract.recording import recording
from tests.contract.stopping import stopping
from tests.contract.wrong_batches import WRONG, WrongBatches
from tests.support.checks import Check
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
