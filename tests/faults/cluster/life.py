"""One life of a cluster under load: what is done to it is measured, and looked at in the end."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.cluster.topology import Cluster, Queue, cluster
from tests.faults.checker import Checker, Finding, Kind
from tests.faults.client_log import ClientLog
from tests.faults.cluster.clients import Brokers, Patient, Steady, publish_everywhere
from tests.faults.cluster.witness import Witness
from tests.faults.fault import Counts
from tests.faults.load import CATEGORIES, crowd
from tests.faults.record import CANCELLED

RESUMES_SECONDS = 15.0
"""The promise, from the end of the fault or its victim's replacement."""
STUCK_SECONDS = 120.0
BETWEEN_LOOKS_SECONDS = 0.1
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
TROUBLE = re.compile(rb"^.*(?:ERROR|CRITICAL|Traceback).*$", re.MULTILINE)


@dataclass(slots=True)
class Life:
    """A cluster, its clients and its witnesses."""

    cluster: Cluster
    world: Patient
    witness: Witness
    rng: random.Random
    bound: float = RESUMES_SECONDS
    """Seconds within which all has to go on."""
    findings: list[Finding] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    waits: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until all went on, by what is done."""
    doing: str = "load"
    _load: Steady | None = None
    _running: asyncio.Task[None] | None = None

    async def populate(self) -> None:
        """Everybody who is there from the start."""
        link = Brokers(self.cluster.ports, self.rng)
        await self.world.send(link, self.world.log.register_many(crowd(self.rng)))
        link.close()

    def begin_load(self) -> None:
        """Until `end_load`."""
        self._load = Steady(self.world, self.cluster.ports, self.world.name)
        self._running = asyncio.create_task(self._load.run())

    async def end_load(self) -> None:
        """Everybody has got a final answer."""
        if self._load is None or self._running is None:
            return
        self._load.stop()
        try:
            await asyncio.wait_for(self._running, STUCK_SECONDS)
        except TimeoutError:
            self.findings.append(Finding(Kind.UNANSWERED, "clients ask in vain at every broker"))
        self._load = self._running = None

    async def resumed(self, after: str, ports: Sequence[int] = ()) -> None:
        """Call it when a fault ends: publishing works, and all that was queued is delivered."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(STUCK_SECONDS):
                await publish_everywhere(self.world, ports or self.cluster.ports, "goals")
                told = await self._drained(await self._newest(), began + self.bound)
        except TimeoutError:
            self.findings.append(
                Finding(Kind.STUCK, f"after {after}: not within {STUCK_SECONDS} s")
            )
            return
        waited = time.monotonic() - began
        self.waits.setdefault(self.doing, []).append(waited)
        if waited > self.bound:
            slow = f"after {after} it went on within {waited:.1f} s, not {self.bound:g}: {told}"
            self.findings.append(Finding(Kind.SLOW, slow))

    async def settled(self) -> None:
        """Stop the clients, let everything end, and look; then see that the checker can see."""
        self.doing = "the end of the load"
        await self.end_load()
        await self.resumed("all")
        await self.world.settle(self.cluster.ports[0], self.rng)
        await self.resumed("the repeats")
        found, checker = await self.witness.findings()
        self.findings += found
        self.findings += self._complaints()
        self._count(checker)
        for kind in await self.witness.overlooked():
            told = f"the checker overlooked what was planted as {kind}"
            self.findings.append(Finding(Kind.ERROR, told))

    async def _newest(self) -> int:
        while True:
            try:
                return await self.witness.newest()
            except AWAY:
                await asyncio.sleep(BETWEEN_LOOKS_SECONDS)

    async def _drained(self, up_to: int, by: float) -> str:
        """What was waited for when the time was over."""
        told = ""
        while True:
            try:
                if not await self.witness.left(up_to):
                    return told
                if not told and time.monotonic() > by:
                    told = await self.witness.what_waits(up_to)
            except AWAY:
                pass
            await asyncio.sleep(BETWEEN_LOOKS_SECONDS)

    def _complaints(self) -> list[Finding]:
        return [
            Finding(Kind.ERROR, f"{name}: {line.decode(errors='replace')}")
            for name, words in self.cluster.words()
            for line in TROUBLE.findall(words)
        ]

    def _count(self, checker: Checker) -> None:
        history, record = checker.history, checker.record
        tries = [len(each) for called in checker.calls.values() for each in called.values()]
        ids = {message for r in history.requests for answer in r.answers for message in answer}
        states = Counter(row.state for rows in record.rows.values() for row in rows.values())
        endings = Counter(attempt.ending for attempt in record.attempts.values())
        self.counts.update(
            {
                "202s": len(ids),
                "deliveries": states.total(),
                "of them cancelled": states[CANCELLED],
                "attempts interrupted": endings["interrupted"],
                "attempts died": endings["died"],
                "calls": sum(tries),
                "of them again": sum(tries) - len(tries),
                "unanswered": self.world.unanswered,
                "put off": self.world.put_off,
                "keys repeated": self.world.repeated,
                "invariants checked": self.witness.invariants,
            }
        )


@asynccontextmanager
async def life(
    root: Path, name: str, queue: Queue, *, doors: bool = False, **settings: str
) -> AsyncIterator[Life]:
    """In an empty folder; nothing of it runs afterwards."""
    async with cluster(root, queue, categories=CATEGORIES, doors=doors, **settings) as made:
        log = ClientLog(made.place.witnesses / "client.log")
        log.tolerated = [503]
        rng = random.Random(name)
        world = Patient(log, name, rng=random.Random(f"{name}/clients"))
        lived = Life(made, world, Witness(made.dsn, made.place, log), rng)
        try:
            await lived.populate()
            yield lived
        finally:
            if lived._running is not None:
                lived._running.cancel()
                await asyncio.gather(lived._running, return_exceptions=True)
            log.close()
