"""One data directory under siege: load, kill, look at the dead store, start again, settle."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from notefly.bootstrap import verify
from notefly.config import Settings
from tests.faults.checker import Checker, Finding, Kind, parse_calls
from tests.faults.client_log import ClientLog
from tests.faults.fault import Counts
from tests.faults.history import History
from tests.faults.load import CATEGORIES, Load, World, crowd
from tests.faults.product import CHANNEL, UP, Place, Product, copy_store
from tests.faults.record import CANCELLED, read_record, schema, work_left

DRAIN_SECONDS = 120.0
LOAD_SECONDS = (0.05, 1.0)
TROUBLE = re.compile(rb"^.*(?:ERROR|CRITICAL|Traceback).*$", re.MULTILINE)


@dataclass(slots=True)
class Siege:
    """A store and its witnesses. Findings come once, however often they are seen."""

    place: Place
    world: World
    rng: random.Random
    command: Sequence[str] = UP
    ending: Callable[[Product], Awaitable[list[str]]] = Product.kill
    """How a life ends; gives who outlived it."""
    expected: Sequence[bytes] = ()
    """Words that the product may complain with, because it was given a reason."""
    counts: Counts = field(default_factory=Counts)
    rounds: int = 0
    start_seconds: float = 2.0
    missed: list[str] = field(default_factory=list)
    """Points of rounds in which the product never came to the point at which it was to die."""
    populated: bool = False
    """Until then a life is spared: the crowd is registered in a request that nobody can repeat."""
    channel_killed: bool = False
    _seen: set[Finding] = field(default_factory=set)
    _read_words: int = 0
    _invariants: int = 0

    @classmethod
    def begin(cls, root: Path, name: str, command: Sequence[str] = UP) -> "Siege":
        """In an empty folder."""
        place = Place.make(root)
        world = World(ClientLog(place.witnesses / "client.log"), name)
        return cls(place, world, random.Random(name), command)

    @property
    def store(self) -> Path:
        """The file that the product is working on."""
        return self.place.store

    async def round(self) -> list[Finding]:
        """Start, load, kill -9 at a random moment, look."""
        self.rounds += 1
        product = Product(self.place, CATEGORIES, self.command)
        try:
            return await self._round(product)
        finally:
            await product.kill()

    async def settled(self) -> list[Finding]:
        """Start, let everything end, look, and stop as a service manager would."""
        product = Product(self.place, CATEGORIES, self.command)
        try:
            await self.open(product)
            await self.drain()
            await self.world.settle(product.port, self.rng)
            found = await self.inspect(self.place.data, drained=True)
            if words := await product.stop():
                found.append(Finding(Kind.ORPHAN, words))
            return found
        finally:
            await product.kill()

    async def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Until there is no work left, or the time is over: the checker says what is stuck."""
        await drained(self.place.data, seconds)

    async def look(self) -> list[Finding]:
        """Let everything end, and look while it runs."""
        await self.drain()
        return await self.inspect(self.place.data, drained=True)

    async def aftermath(self, orphans: Iterable[str]) -> list[Finding]:
        """What the dead store says, and who survived."""
        self.world.log.crash()
        found = [Finding(Kind.ORPHAN, orphan) for orphan in orphans]
        if store_path(self.place.data).exists():
            copy = copy_store(self.place, self.place.witnesses / "copy")
            if schema(store_path(copy)):
                found += await self.inspect(copy, drained=False)
            elif self.counts["202s"]:
                found.append(Finding(Kind.LOST, "the store is empty"))
        return found

    async def inspect(self, data: Path, *, drained: bool) -> list[Finding]:
        """The three witnesses against each other, `verify`, and what the product complained of."""
        history = History.of(self.world.log.events)
        calls = parse_calls(self.place.calls.read_text(), CHANNEL)
        record = read_record(store_path(data))
        checker = Checker(history, calls, record, CHANNEL, drained)
        found = list(checker.findings())
        async for invariant, violation in verify(Settings(data_dir=data)):
            self._invariants += 1
            if violation is not None:
                found.append(Finding(Kind.INVARIANT, f"{invariant}: {violation.words}"))
        found += self._complaints()
        self._count(checker)
        new = [finding for finding in found if finding not in self._seen]
        self._seen.update(new)
        return new

    def _count(self, checker: Checker) -> None:
        history, calls, record = checker.history, checker.calls, checker.record
        tries = [len(each) for called in calls.values() for each in called.values()]
        ids = {message for r in history.requests for answer in r.answers for message in answer}
        states = Counter(row.state for rows in record.rows.values() for row in rows.values())
        endings = Counter(attempt.ending for attempt in record.attempts.values())
        self.counts = Counts(
            {
                "202s": len(ids),
                "deliveries": states.total(),
                "of them cancelled": states[CANCELLED],
                "of them undecided": checker.looked["undecided"],
                "attempts interrupted": endings["interrupted"],
                "attempts died": endings["died"],
                "calls": sum(tries),
                "of them again": sum(tries) - len(tries),
                "requests resolved": self.world.resolved,
                "keys repeated": self.world.repeated,
                "invariants checked": self._invariants,
            }
        )

    async def _round(self, product: Product) -> list[Finding]:
        how = self.rng.random() if self.rounds > 1 else 1.0
        if how < 0.1:
            await asyncio.sleep(self.rng.random() * 1.2 * self.start_seconds)
            return await self.killed(product)
        if how < 0.2:
            await product.ready()
            settling = asyncio.create_task(self.world.settle(product.port, self.rng))
            await asyncio.sleep(self.rng.random() * 0.3)
            return await self.killed(product, settling)
        await self.open(product)
        load = Load(self.world, product.port, f"{self.world.name}/{self.rounds}")
        running = asyncio.create_task(load.run())
        await asyncio.sleep(self.rng.uniform(*LOAD_SECONDS))
        if how < 0.4:
            load.stop()
            await running
            await asyncio.sleep(self.rng.random() * 0.3)
        return await self.killed(product, running)

    async def killed(
        self, product: Product, clients: asyncio.Task[None] | None = None
    ) -> list[Finding]:
        """Kill -9 of all of it, and look; until then everybody was answered."""
        found = self.unanswered()
        if not product.alive:
            found.append(Finding(Kind.ERROR, "the product ended by itself"))
        return found + await self.gone(await self.ending(product), clients)

    async def gone(
        self, orphans: Iterable[str], clients: asyncio.Task[None] | None = None
    ) -> list[Finding]:
        """It has ended, by whatever hand: who was cut off has no answer to expect."""
        if clients is not None:
            await clients
        self.world.cut.clear()
        return await self.aftermath(orphans)

    async def open(self, product: Product) -> None:
        """Until it answers, and what the last life left unanswered is resolved."""
        self.start_seconds = await product.ready()
        if not self.populated:
            self.populated = True
            everybody = self.world.log.register_many(crowd(self.rng))
            await self.world.send_all(product.port, [everybody])
        await self.world.settle(product.port, self.rng)

    def unanswered(self) -> list[Finding]:
        """Whoever asks a living product is answered."""
        cut, self.world.cut = self.world.cut, []
        return [Finding(Kind.UNANSWERED, one) for one in cut]

    def _complaints(self) -> list[Finding]:
        words = self.place.words.read_bytes()
        new, self._read_words = words[self._read_words :], len(words)
        lines = [line for line in TROUBLE.findall(new) if not any(w in line for w in self.expected)]
        return [Finding(Kind.ERROR, line.decode(errors="replace")) for line in lines]


async def drained(data: Path, seconds: float = DRAIN_SECONDS) -> None:
    """Wait until there is no work left, or the time is over."""
    deadline = time.monotonic() + seconds
    path = store_path(data)
    while work_left(path) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.05)
