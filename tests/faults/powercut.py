"""The power goes while the product works: what it answered with 202 is on the disk.

The store lies on a disk of its own, the logs of client and channel do not. Everything of the
product stands still before the cut, so that nobody is told afterwards what the disk never got.
"""

import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from tests.faults.checker import Finding
from tests.faults.disk import LoopDisk, freeze, needs_loop
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.lives import campaign, damage
from tests.faults.process import marked
from tests.faults.product import Place, Product, copy_store
from tests.faults.siege import Siege

MEGABYTES = 64
BROKER = ("-m", "notefly", "broker")
KILLED = 0.25
"""How often a life is lost before that of the round by the process alone: what the disk has not got
yet is still in memory then, and the cut meets a log that was recovered."""


class Cuts:
    """One store on its disk; see `Trial`."""

    def __init__(self, siege: Siege, disk: LoopDisk) -> None:
        self.siege = siege
        self.counts = Counts({"power cuts": 0, "kills between them": 0})
        self._disk = disk

    async def round(self) -> list[Finding]:
        """Load, cut, and a look at what the disk has."""
        found: list[Finding] = []
        if self.siege.rng.random() < KILLED:
            found += await self._life(Product.kill, "kills between them")
        return found or await self._life(self._cut, "power cuts")

    async def _life(
        self, ending: Callable[[Product], Awaitable[list[str]]], counted: str
    ) -> list[Finding]:
        self.siege.ending = ending
        found = await self.siege.round()
        self.counts[counted] += 1
        place = self.siege.place
        if store_path(place.data).exists():
            found += damage(store_path(copy_store(place, place.witnesses / "looked-at")))
        return found

    async def _cut(self, product: Product) -> list[str]:
        frozen = marked(mark_of(self.siege.place))
        freeze(frozen)
        self._disk.cut()
        # No power, no process: one that stood still before it could ask to end with its parent
        # would stand there for ever.
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        left = await product.kill()
        self._disk.restart()
        return left


def sync_folder(folder: Path) -> None:
    """So that the names in it outlive a cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mark_of(place: Place) -> bytes:
    """What every process of this product carries in its environment."""
    return f"RECORDER_FILE={place.calls}".encode()


@contextmanager
def on_a_disk(
    root: Path, name: str, megabytes: int = MEGABYTES
) -> Iterator[tuple[Siege, LoopDisk]]:
    """A siege whose data directory lies on a disk of its own."""
    with LoopDisk(root, megabytes) as disk:
        siege = Siege.begin(root, name, BROKER)
        (disk.path / "data").mkdir()
        siege.place.data.symlink_to(disk.path / "data")
        sync_folder(disk.path)
        yield siege, disk
        # The disk goes with the block: what lies on it is kept beside the other witnesses.
        shutil.copytree(siege.place.data, siege.place.witnesses / "last")


@contextmanager
def cuts(root: Path, name: str) -> Iterator[Cuts]:
    with on_a_disk(root, name) as (siege, disk):
        yield Cuts(siege, disk)


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await campaign(root, seed, rounds, cuts)


FAULT = Fault(
    name="power-cut",
    expected="every 202 survives, integrity_check ok",
    rounds=Rounds(ci=6, short=60, long=1_000),
    run=run,
    needs=needs_loop,
)
