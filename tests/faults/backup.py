"""A backup is made under load and restored elsewhere: it is one moment, whole, and it works.

Everything that was accepted before the backup began is in it, under the same keys; nothing is in it
that nobody asked for; a broker that is started on it delivers what was left.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from notefly.bootstrap import verify
from notefly.config import Settings
from tests.faults.checker import Finding, Kind
from tests.faults.client_log import Operation
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.link import Link
from tests.faults.lives import campaign, damage
from tests.faults.load import CATEGORIES, Load
from tests.faults.product import Place, Product
from tests.faults.record import read_record, work_left
from tests.faults.siege import LOAD_SECONDS, Siege
from tests.support.up import free_ports

BROKER = ("-m", "notefly", "broker")
COMMAND_SECONDS = 60.0
DRAIN_SECONDS = 60.0
REPEATS = 10


class Backups:
    """One store, and the stores that its backups became; see `Trial`."""

    def __init__(self, siege: Siege) -> None:
        self.siege = siege
        self.counts = Counts()

    async def round(self) -> list[Finding]:
        """Back up under load, kill, restore elsewhere, look, start there, look again."""
        siege = self.siege
        siege.rounds += 1
        elsewhere = Place.make(siege.place.root / f"restored-{siege.rounds}")
        backup = elsewhere.root / "backup.db"
        product = Product(siege.place, CATEGORIES, BROKER)
        try:
            await siege.open(product)
            load = Load(siege.world, product.port, f"{siege.world.name}/{siege.rounds}")
            running = asyncio.create_task(load.run())
            await asyncio.sleep(siege.rng.uniform(*LOAD_SECONDS))
            before, keyed = self._accepted(), list(siege.world.keyed)
            found = await self._command(siege.place, "backup", str(backup))
            load.stop()
            await running
            found += siege.unanswered()
        finally:
            await product.kill()
            siege.world.log.crash()
        found = found or await self._command(elsewhere, "restore", str(backup))
        if found:
            return found
        return [*self._at_the_cut(elsewhere, before), *await self._served(elsewhere, keyed)]

    def _accepted(self) -> set[str]:
        """The messages of every 202 so far."""
        return {one for event in self.siege.world.log.events for one in event.get("ids", ())}

    async def _command(self, place: Place, *words: str) -> list[Finding]:
        command = [sys.executable, "-P", "-m", "notefly", *words]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env=place.environment(free_ports(), CATEGORIES),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            return [Finding(Kind.ERROR, f"notefly {words[0]}: {done.stdout}{done.stderr}")]
        return []

    def _at_the_cut(self, place: Place, before: set[str]) -> list[Finding]:
        """Nobody has touched it yet."""
        found = damage(store_path(place.data))
        record = read_record(store_path(place.data))
        kept = {message.id for message in record.messages}
        asked = {
            line[2] for event in self.siege.world.log.events for line in event.get("lines", ())
        }
        self.counts["202s before a backup"] += len(before)
        self.counts["messages in backups"] += len(kept)
        for message in before - kept:
            told = f"message {message} was accepted before the backup, which has none"
            found.append(Finding(Kind.LOST, told))
        for body in {message.body for message in record.messages} - asked:
            found.append(Finding(Kind.GHOST, f"nobody asked for {body!r}, which is in the backup"))
        return found

    async def _served(self, place: Place, keyed: list[Operation]) -> list[Finding]:
        """The promise holds there before and after everything has ended."""
        found = await self._verified(place)
        product = Product(place, CATEGORIES, BROKER)
        try:
            await product.ready()
            found += await self._repeated(product, keyed)
            deadline = asyncio.get_running_loop().time() + DRAIN_SECONDS
            while left := work_left(store_path(place.data)):
                if asyncio.get_running_loop().time() > deadline:
                    found.append(Finding(Kind.STUCK, f"{left} messages of a restored store"))
                    break
                await asyncio.sleep(0.05)
        finally:
            await product.kill()
        return found + await self._verified(place)

    async def _repeated(self, product: Product, keyed: list[Operation]) -> list[Finding]:
        """A key of before the backup stands for what it stood for."""
        found, link = [], Link(product.port)
        answers = {
            event["op"]: event["ids"] for event in self.siege.world.log.events if event.get("ids")
        }
        for operation in self.siege.rng.sample(keyed, min(REPEATS, len(keyed))):
            answer = await link.ask(replace(operation, repeat=True).call)
            ids = answer.body.get("ids") or [answer.body.get("id")]
            if ids != answers[operation.number]:
                told = f"key {operation.call.key} gave {answers[operation.number]}, now {ids}"
                found.append(Finding(Kind.REBOUND, told))
            self.counts["keys repeated after a restore"] += 1
        link.close()
        return found

    async def _verified(self, place: Place) -> list[Finding]:
        found = []
        async for invariant, violation in verify(Settings(data_dir=place.data)):
            self.counts["invariants of backups"] += 1
            if violation is not None:
                found.append(Finding(Kind.INVARIANT, f"{invariant}: {violation.detail}"))
        return found


@contextmanager
def backups(root: Path, name: str) -> Iterator[Backups]:
    yield Backups(Siege.begin(root, name, BROKER))


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await campaign(root, seed, rounds, backups)


FAULT = Fault(
    name="backup",
    expected="invariants hold at the cut",
    rounds=Rounds(ci=1, short=5, long=50),
    run=run,
)
