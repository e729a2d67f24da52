"""Three planted bugs: the checker has to catch each, and to find nothing where none is planted."""

from pathlib import Path

from tests.faults.checker import Finding, Kind
from tests.faults.client_log import Preferences
from tests.faults.load import CATEGORIES
from tests.faults.product import BROKER, CHANNELS, NotReady, Product
from tests.faults.siege import Siege

BUGS = {
    "early-202": Kind.LOST,
    "two-commits": Kind.TORN,
    "no-fencing": Kind.LOST,
}
"""What each does."""
PEOPLE = 50
MESSAGES = 40
DRAIN_SECONDS = 15.0


async def caught_all(root: Path) -> tuple[int, int, list[str]]:
    """How many were caught of how many, and why some could not be tried. In an empty folder."""
    found = [await caught(root, bug) for bug in BUGS]
    return sum(found), len(BUGS), []


async def caught(root: Path, bug: str) -> bool:
    """With the bug it is found; without it, under the same steering, nothing is."""
    try:
        with_it = await _findings(root / bug, bug, planted=True)
        without = await _findings(root / f"{bug}-not-planted", bug, planted=False)
    except NotReady as error:
        print(f"  {bug}: MISSED: {error}")
        return False
    kinds = {finding.kind for finding in with_it}
    if BUGS[bug] in kinds and not without:
        first = next(finding for finding in with_it if finding.kind is BUGS[bug])
        print(f"  {bug}: {first.kind}: {first.detail}")
        return True
    print(f"  {bug}: MISSED, found {sorted(kinds)}, and without it {without[:3]}")
    return False


async def _findings(root: Path, bug: str, *, planted: bool) -> list[Finding]:
    """The product kills itself at the worst moment; a sound one takes over what it left."""
    siege = Siege.begin(root, bug, BROKER)
    await _until_it_dies(siege, bug, planted=planted)
    found = await siege.aftermath([])
    if planted and found:
        return found
    product = Product(siege.place, CATEGORIES, BROKER)
    try:
        await product.ready()
        await siege.world.settle(product.port, siege.rng)
        await siege.drain(DRAIN_SECONDS)
        return found + await siege.inspect(siege.place.data, drained=True)
    finally:
        await product.kill()
        siege.world.log.close()


async def _until_it_dies(siege: Siege, bug: str, *, planted: bool) -> None:
    command = ("-m", "tests.faults.sabotage", bug, "broker")
    product = Product(siege.place, CATEGORIES, command, PLANTED="1" if planted else "0")
    try:
        await product.ready()
        world = siege.world
        everybody: Preferences = {
            "categories": ["goals"],
            "channels": list(CHANNELS),
            "overrides": {},
        }
        people = {f"p-{number}": everybody for number in range(PEOPLE)}
        await world.send_all(product.port, [world.log.register_many(people)])
        messages = [("goals", None, f"{bug} {number}") for number in range(MESSAGES)]
        await world.send_all(
            product.port,
            [world.log.publish([line], f"{bug}-{n}") for n, line in enumerate(messages)],
        )
        await product.gone_by_itself()
    finally:
        await product.kill()
