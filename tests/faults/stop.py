"""SIGSTOP of a worker for longer than its lease, then SIGCONT: what it says then is too late."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.checker import Finding, Kind
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.load import BROADCAST, CATEGORIES
from tests.faults.product import Product
from tests.faults.record import attempts_that, read_record
from tests.faults.siege import Siege
from tests.faults.steering import LEASE_SECONDS

BEYOND_SECONDS = 1.5 * LEASE_SECONDS
PATIENCE_SECONDS = 20.0
CHANNEL_SECONDS = "1"
LIFE = 10
"""Rounds on one store, at most."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Who stands still, and under which terms the product runs meanwhile."""

    mode: str
    who: tuple[str, ...]
    died: bool
    """It goes on when its attempt was given up; else after a while."""
    settings: tuple[tuple[str, str], ...] = ()


STANDS = (
    Stand("unkept", ("channel",), died=True),
    Stand("kept", ("broker", "channel"), died=False),
    Stand(
        "kept", ("channel",), died=True, settings=(("NOTEFLY_CHANNEL_SECONDS", CHANNEL_SECONDS),)
    ),
    Stand("unkept", ("broker",), died=False),
    Stand("unkept", ("broker", "channel"), died=False),
)
"""The channel's process is a worker whose result comes late; the third is never waited for: it is
killed at the deadline, so that it has no late result."""


class Standstill:
    """All rounds."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._seed = seed
        self.tally = Tally()

    async def run(self, rounds: int) -> Tally:
        """Every kind of standstill has a store of its own, and another one after LIFE rounds."""
        shares = [len(range(n, rounds, len(STANDS))) for n in range(len(STANDS))]
        counts = Counts()
        for number, (stand, share) in enumerate(zip(STANDS, shares, strict=True)):
            for first in range(0, share, LIFE):
                name = f"{number}-{first}"
                counts.update(await self._life(name, stand, min(LIFE, share - first)))
        self.tally.counts = counts
        if not counts["late results refused"]:
            found = Finding(Kind.ERROR, "no result came late: nothing was tested")
            self.tally.findings.append(found)
        return self.tally

    async def _life(self, name: str, stand: Stand, rounds: int) -> Counts:
        command = ("-m", "tests.faults.leases", stand.mode, "broker")
        siege = Siege.begin(self._root / name, f"{self._seed}.{name}", command)
        stale = siege.place.witnesses / "stale.log"
        stale.touch()
        extra = {"STALE_FILE": str(stale), **dict(stand.settings)}
        product = Product(siege.place, CATEGORIES, command, **extra)
        try:
            await siege.open(product)
            await self._message(siege, product, BROADCAST)
            await siege.drain(PATIENCE_SECONDS)
            for _ in range(rounds):
                await self._round(siege, product, stand)
                self.tally.rounds += 1
            await siege.world.settle(product.port, siege.rng)
            self.tally.findings += await siege.look()
            if words := await product.stop():
                self.tally.findings.append(Finding(Kind.ORPHAN, words))
        finally:
            await product.kill()
            siege.world.log.close()
        refused = [tuple(map(int, line.split())) for line in stale.read_text().splitlines()]
        self.tally.findings += refused_in_time(siege, refused)
        return Counts({"late results refused": len(refused), **siege.counts})

    async def _round(self, siege: Siege, product: Product, stand: Stand) -> None:
        """Who is to come late stands still before it is called; others while they work."""
        path = siege.store
        died = attempts_that(path, "died")
        pids = [pid for service in stand.who for pid in product.processes(service)]
        if stand.died:
            signal_all(pids, signal.SIGSTOP)
            await self._message(siege, product, "goals")
            found = await until(lambda: attempts_that(path, "died") > died, "a lease that ended")
        else:
            calls = siege.place.calls.stat().st_size
            await self._message(siege, product, BROADCAST)
            found = await until(lambda: siege.place.calls.stat().st_size > calls, "a call")
            signal_all(pids, signal.SIGSTOP)
            await asyncio.sleep(BEYOND_SECONDS * siege.rng.uniform(1, 1.3))
        signal_all(pids, signal.SIGCONT)
        self.tally.findings += found
        await siege.drain(PATIENCE_SECONDS)

    async def _message(self, siege: Siege, product: Product, category: str) -> None:
        name = f"{siege.world.name} {self.tally.rounds} {siege.rng.getrandbits(64):016x}"
        line = (category, None, name)
        await siege.world.send_all(product.port, [siege.world.log.publish([line], name[-16:])])


def refused_in_time(siege: Siege, refused: Iterable[tuple[int, ...]]) -> Iterator[Finding]:
    """Only an attempt that was given up may be refused; one that is told to be finished was not."""
    attempts = read_record(siege.store).attempts
    for batch, number in refused:
        ending = attempts[batch, number].ending
        if ending != "died":
            told = f"attempt {number} of batch {batch} was refused, and the store says {ending}"
            yield Finding(Kind.LOST, told)


def signal_all(pids: list[int], number: int) -> None:
    """One that was killed for standing still too long has nothing to hear."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


async def until(happened: Callable[[], bool], what: str) -> list[Finding]:
    """Or until nobody believes in it any more: then the round has tested nothing."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            return [Finding(Kind.ERROR, f"it never came to {what}: nothing was tested")]
        await asyncio.sleep(0.01)
    return []


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await Standstill(root, seed).run(rounds)


FAULT = Fault(
    "stop",
    "a late result is refused; one terminal state",
    Rounds(3, 50, 500),
    run,
)
