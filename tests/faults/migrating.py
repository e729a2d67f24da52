"""A store of an earlier schema is brought up to date, and the process dies in the middle of it.

Whatever the moment, the store is of one schema or of the next, with every row; the next start goes
on from there. The migrations are those of the product and two that only tests have, the first of
which writes a large table anew. A Notefly that does not know them refuses what they made.
"""

import asyncio
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from notefly.adapters.sqlite.connection import store_path
from tests.faults import schemas
from tests.faults.checker import Finding, Kind
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.lives import damage, looked
from tests.faults.migration_steps import DIES, PLANTED, STEPS
from tests.faults.product import Place, Product
from tests.faults.record import UNFINISHED
from tests.support.up import free_ports

KILLS = 3
"""In one round at most, each on what the one before left."""
SECONDS = 60.0
STEPPED = ("-m", "tests.faults.migration_steps")
BROKER = ("-m", "notefly", "broker")
NEWER = b"update Notefly"


@dataclass(slots=True)
class Migration:
    """One store and what becomes of it."""

    place: Place
    version: int
    rng: random.Random
    planted: bool = False
    counts: Counts = field(default_factory=Counts)

    @property
    def store(self) -> Path:
        return store_path(self.place.data)

    @property
    def folder(self) -> Path:
        return self.place.root / "migrations"

    async def round(self) -> list[Finding]:
        """Made, migrated with kills, refused by an old binary, served and drained by a new one."""
        self.place.data.mkdir()
        schemas.write_migrations(self.folder)
        schemas.make(self.store, self.version)
        found = self.interrupted()
        return found or [*await self._refused(), *await self._served()]

    def interrupted(self) -> list[Finding]:
        """Killed again and again, looked at each time, then brought to its end."""
        before, steps = schemas.counts(self.store), self._steps()
        for _ in range(self.rng.randint(1, KILLS)):
            kind = self.rng.choice([*steps])
            status = self._migrate(
                self.store, **{DIES: f"{kind}:{self.rng.randint(1, steps[kind])}"}
            )
            self.counts["killed" if status == -signal.SIGKILL else "survived"] += 1
            if found := self._examined(before):
                return found
        status = self._migrate(self.store)
        if status:
            return [Finding(Kind.ERROR, f"migrating ended with {status}, see {self.place.words}")]
        newest = max(schemas.TEST_MIGRATIONS)
        if (number := schemas.shape(self.store)[0]) != newest:
            return [Finding(Kind.STUCK, f"the store has schema {number}, not {newest}")]
        return self._examined(before)

    def _examined(self, before: Mapping[str, int]) -> list[Finding]:
        """Of one schema, whole, with every row."""
        copy = self._copied("looked-at")
        found = damage(copy)
        number, shape = schemas.shape(copy)
        if shape != schemas.shapes(self.folder)[number]:
            found.append(Finding(Kind.TORN, f"the store says schema {number} and has another"))
            return found
        after = schemas.counts(copy)
        for name, rows in before.items():
            told = f"{name}: {rows} before, {after.get(name)} in schema {number}"
            if after.get(name, 0) < rows:
                found.append(Finding(Kind.LOST, told))
            elif after[name] > rows and name != "meta":
                found.append(Finding(Kind.GHOST, told))
        self.counts["rows compared"] += sum(before.values())
        return found

    def _steps(self) -> dict[str, int]:
        """How many statements and steps there are, from a copy that is migrated at one go."""
        target = self.place.witnesses / "steps"
        self._migrate(self._copied("measured"), **{STEPS: str(target)})
        statements, steps = map(int, target.read_text().split())
        return {"statement": statements, "step": steps}

    def _copied(self, name: str) -> Path:
        folder = self.place.witnesses / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.place.data, folder, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        return store_path(folder)

    def _migrate(self, store: Path, **extra: str) -> int:
        environment = self.place.environment(free_ports(), schemas.CATEGORIES) | extra
        if self.planted:
            environment[PLANTED] = "1"
        command = [sys.executable, "-P", *STEPPED, str(self.folder), "migrate", str(store)]
        with self.place.words.open("ab") as words:
            done = subprocess.run(
                command, env=environment, stdout=words, stderr=words, timeout=SECONDS, check=False
            )
        return done.returncode

    async def _refused(self) -> list[Finding]:
        """A Notefly that does not know the last migrations leaves the store alone and says why."""
        product = Product(self.place, schemas.CATEGORIES, BROKER)
        await product.gone_by_itself()
        if product.status != 1 or NEWER not in self.place.words.read_bytes():
            told = f"a newer schema was not refused: status {product.status}"
            return [Finding(Kind.ERROR, told)]
        self.counts["old binaries refused"] += 1
        return []

    async def _served(self) -> list[Finding]:
        """Everything ends, and the promise holds."""
        serving = (*STEPPED, str(self.folder), "broker")
        product = Product(self.place, schemas.CATEGORIES, serving)
        try:
            await product.ready()
            left = await self._drained()
            trouble = await product.stop()
        finally:
            await product.kill()
        found = [Finding(Kind.STUCK, f"{left} messages have work left")] if left else []
        found += [Finding(Kind.ORPHAN, trouble)] if trouble else []
        verify = [sys.executable, "-P", *STEPPED, str(self.folder), "verify"]
        environment = self.place.environment(free_ports(), schemas.CATEGORIES)
        done = await asyncio.to_thread(
            subprocess.run, verify, env=environment, capture_output=True, text=True, check=False
        )
        self.counts["verified"] += 1
        if done.returncode:
            found.append(Finding(Kind.INVARIANT, done.stdout + done.stderr))
        return found

    async def _drained(self) -> int:
        """How many messages are not done at last."""
        connection = apsw.Connection(str(self.store), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            deadline = asyncio.get_running_loop().time() + SECONDS
            while left := len(connection.execute(UNFINISHED).fetchall()):
                if asyncio.get_running_loop().time() > deadline:
                    break
                await asyncio.sleep(0.05)
        finally:
            connection.close()
        return left


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`: every schema in its turn."""
    tally, versions = Tally(), schemas.versions()
    for number in range(rounds):
        place = Place.make(root / f"store-{number + 1}")
        version = versions[number % len(versions)]
        migration = Migration(place, version, random.Random(f"{seed}.{number}"))
        found = await looked(migration.round)
        tally.rounds += 1
        tally.counts[f"from schema {version}"] += 1
        tally.counts.update(migration.counts)
        tally.findings += found
        if not found:
            shutil.rmtree(place.root)
    return tally


FAULT = Fault(
    name="migration",
    expected="resumes, counts conserved; an old binary refuses a new schema",
    rounds=Rounds(ci=4, short=20, long=50),
    run=run,
)
