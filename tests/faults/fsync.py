"""The disk fails under a commit or a checkpoint: nobody in the group is answered, keys resolve it.

Where there can be a disk of its own, its power goes too: at once, when nothing that was answered
may be missing, or after the restart, when what was answered again may not be missing either.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from notefly.bootstrap import UNKNOWN_COMMIT
from tests.faults.checker import Finding, Kind
from tests.faults.disk import LoopDisk, needs_loop
from tests.faults.failing_disk import SETTING, STORE_SYNC, WAL_SYNC, WAL_WRITE, install_shim
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.lives import campaign, damage
from tests.faults.load import CATEGORIES, Load
from tests.faults.powercut import BROKER, on_a_disk
from tests.faults.product import UP, Product, copy_store
from tests.faults.siege import Siege
from tests.faults.storage_bugs import SETTING as PLANTED

FAILURES = {WAL_SYNC: 60, STORE_SYNC: 1, WAL_WRITE: 300}
"""What fails, and at which time at the latest."""
ENDED_SECONDS = 20.0
STOPPED = b"whether the last commit is on it is unknown"
EXPECTED = (STOPPED,)


class Failures:
    """One store on a disk that fails once in every round; see `Trial`."""

    def __init__(self, siege: Siege, disk: LoopDisk | None) -> None:
        self.siege = siege
        self.counts = Counts()
        self.planted = ""
        self._disk = disk
        self.counts["power cuts"] = 0
        siege.expected = EXPECTED
        install_shim(siege.place.site)

    async def round(self) -> list[Finding]:
        """Fail, see how it ends, start again on a sound disk, resolve, look."""
        siege = self.siege
        siege.rounds += 1
        what = siege.rng.choice([*FAILURES])
        nth = siege.rng.randint(1, FAILURES[what])
        supervised = siege.rng.random() < 0.3
        found = await self._fail(what, nth, UP if supervised else BROKER)
        found += await siege.aftermath([])
        self.counts[f"{what} failed"] += 1
        if siege.rng.random() < 0.5:
            await self._cut()
        found += await self._resolved()
        if self._disk is not None:
            await self._cut()
            found += damage(store_path(copy_store(siege.place, siege.place.witnesses / "copy")))
            found += await siege.aftermath([])
        return found

    async def _fail(self, what: str, nth: int, command: tuple[str, ...]) -> list[Finding]:
        siege, armed = self.siege, self.siege.place.witnesses / "armed"
        armed.unlink(missing_ok=True)
        plan = {SETTING: f"{what}:{nth}:{armed}", PLANTED: self.planted}
        product = Product(siege.place, CATEGORIES, command, **plan)
        try:
            await siege.open(product)
            armed.touch()
            load = Load(siege.world, product.port, f"{siege.world.name}/{siege.rounds}")
            running = asyncio.create_task(load.run())
            found = await self._ended(product, 1 if command is UP else UNKNOWN_COMMIT)
            load.stop()
            await running
        finally:
            left = await product.kill()
        self.counts["unanswered"] += len(siege.world.cut)
        siege.world.cut.clear()
        return found + [Finding(Kind.ORPHAN, orphan) for orphan in left]

    async def _ended(self, product: Product, expected: int) -> list[Finding]:
        """By itself, with this status, and it said why."""
        deadline = asyncio.get_running_loop().time() + ENDED_SECONDS
        while product.alive and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if product.status != expected:
            told = f"the disk failed and the product's status is {product.status}, not {expected}"
            return [Finding(Kind.ERROR, told)]
        if STOPPED not in product.words:
            return [Finding(Kind.ERROR, "it ended without a word about the disk")]
        return []

    async def _resolved(self) -> list[Finding]:
        """A start on a sound disk is clean, and whoever got no answer asks again."""
        siege = self.siege
        product = Product(siege.place, CATEGORIES, BROKER)
        try:
            await siege.open(product)
            return siege.unanswered()
        finally:
            await product.kill()
            siege.world.log.crash()

    async def _cut(self) -> None:
        """The product is gone already: what it synced is there, and nothing else."""
        if self._disk is None:
            return
        self.counts["power cuts"] += 1
        self._disk.cut()
        self._disk.restart()


@contextmanager
def failures(root: Path, name: str) -> Iterator[Failures]:
    if needs_loop():
        yield Failures(Siege.begin(root, name, BROKER), None)
        return
    with on_a_disk(root, name) as (siege, disk):
        yield Failures(siege, disk)


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await campaign(root, seed, rounds, failures)


FAULT = Fault(
    name="fsync",
    expected="nobody is answered, exit is non-zero, restart is clean, keys resolve it",
    rounds=Rounds(ci=3, short=10, long=100),
    run=run,
)
