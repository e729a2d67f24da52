from tests.contract.leasing import leasing
from tests.contract.planning import planning
from tests.contract.recording import recording
from tests.contract.stopping import stopping
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
