"""kill -9 of everything, of one process, or at a named point, and a look at what is left."""

import asyncio
import os
import random
import shutil
import signal
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from tests.faults.checker import Finding, Kind
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.load import CATEGORIES, Load
from tests.faults.points import POINTS
from tests.faults.process import NotReady
from tests.faults.product import BROKER, UP, Product
from tests.faults.siege import LOAD_SECONDS, Siege

LIVES = (2, 5)
"""Rounds on the same data directory."""
LANES = 2
"""Stores that are under siege at once: starting is most of a round, and takes one core."""
POINT_SECONDS = 1.2
LOOKED = 0.4
"""How often everything may come to its end before the next load."""
MIGRATED = 0.25
"""How often a store dies as it is made."""
HELD_SECONDS = 0.05
"""How long the channel's process stands still before it dies, so that it has work in its hands."""
TRIES = 5
SHOWN_EVERY = 50
Strike = Callable[[Siege], Awaitable[list[Finding]]]


class Campaign:
    """All rounds, and what became of them."""

    def __init__(self, root: Path, seed: int, rounds: int) -> None:
        self._root = root
        self._seed = seed
        self._rounds = rounds
        self.tally = Tally()
        self._kills = Counts()
        self._counts = Counts()
        self._missed = Counts()

    async def run(self) -> Tally:
        """Data directory after data directory, until all rounds are done."""
        stores = self._stores()
        await asyncio.gather(*(self._lane(stores) for _ in range(LANES)))
        missed = {"points missed": self._missed.total()}
        missed |= {f"missed {point}": n for point, n in sorted(self._missed.items())}
        self.tally.counts = Counts(dict(sorted(self._kills.items())) | missed | self._counts)
        self.tally.findings += self._never_reached()
        return self.tally

    def _never_reached(self) -> Iterator[Finding]:
        """A point that the product does not come by any more tests nothing."""
        for point, missed in self._missed.items():
            if missed >= TRIES and missed == self._kills[f"killed {point}"]:
                yield Finding(Kind.ERROR, f"the point {point} was never reached")

    def _stores(self) -> Iterator[tuple[int, int]]:
        """Each with its rounds; what happens to one depends on the seed and its number alone."""
        rng, left, number = random.Random(self._seed), self._rounds, 0
        while left:
            number += 1
            rounds = min(left, rng.randint(*LIVES))
            left -= rounds
            yield number, rounds

    async def _lane(self, stores: Iterator[tuple[int, int]]) -> None:
        for number, rounds in stores:
            await self._store(number, rounds)

    async def _store(self, number: int, rounds: int) -> None:
        """One that is broken is left as it is, to be looked at."""
        root = self._root / f"store-{number}"
        siege = Siege.begin(root, f"{self._seed}.{number}")
        found: list[Finding] = []
        while siege.rounds < rounds and not found:
            found = await self._round(siege, last=siege.rounds == rounds - 1)
            self._done(siege, found)
        # What a broken store was spared counts as done: the same seed makes the same plan.
        self.tally.rounds += rounds - siege.rounds
        self._counts.update(siege.counts)
        self._missed.update(siege.missed)
        siege.world.log.close()
        if not found:
            shutil.rmtree(root)

    async def _round(self, siege: Siege, *, last: bool) -> list[Finding]:
        found: list[Finding] = []
        try:
            name, strike = draw(siege)
            self._kills[f"killed {name}"] += 1
            found += await strike(siege)
            if last and not found:
                found += await siege.settled()
        except Exception as error:  # noqa: BLE001 - a look that failed has not passed
            traceback.print_exc()
            found.append(Finding(Kind.ERROR, f"{type(error).__name__}: {error}"))
        return found

    def _done(self, siege: Siege, found: list[Finding]) -> None:
        self.tally.rounds += 1
        self.tally.findings += found
        if found:
            print(f"  round {siege.rounds} of {siege.place.root.name}: {len(found)} wrong")
        if self.tally.rounds % SHOWN_EVERY == 0:
            wrong = len(self.tally.findings)
            print(f"  {self.tally.rounds} of {self._rounds} rounds, {wrong} findings", flush=True)


def draw(siege: Siege) -> tuple[str, Strike]:
    """What is done to it in this round, and its name."""
    rng, dice = siege.rng, siege.rng.random()
    if siege.rounds == 0 and dice < MIGRATED:
        return "mid-migration", at_point("mid-migration")
    if not siege.populated:
        dice = rng.random() * 0.5
    if dice < 0.30:
        siege.command = rng.choice((UP, BROKER, BROKER))
        return "all", Siege.round
    if dice < 0.38:
        return "broker", one_of("broker")
    if dice < 0.42:
        return "client", one_of("client")
    if dice < 0.50 and not siege.channel_killed:
        siege.channel_killed = True
        return "channel's process", channel
    point = rng.choice([name for name in POINTS if name != "mid-migration"])
    return point, at_point(point)


def one_of(service: str) -> Strike:
    """One service of `notefly up` dies: the other is stopped, in order, and nobody is left."""

    async def strike(siege: Siege) -> list[Finding]:
        product, found = await begun(siege, UP)
        try:
            load, running = loaded(siege, product)
            await asyncio.sleep(siege.rng.uniform(*LOAD_SECONDS))
            found += siege.unanswered()
            for pid in product.processes(service):
                os.kill(pid, signal.SIGKILL)
            orphans = await product.gone_by_itself()
            load.stop()
            return found + await siege.gone(orphans, running)
        finally:
            await product.kill()

    return strike


async def channel(siege: Siege) -> list[Finding]:
    """The channel's process dies, in the middle of a hand-over if it can be: the broker goes on.

    Once in the life of a store, because a batch that kills it twice is taken for poison.
    """
    product, found = await begun(siege, BROKER)
    try:
        _, running = loaded(siege, product)
        await asyncio.sleep(siege.rng.uniform(*LOAD_SECONDS))
        pids = product.processes("channel")
        await called(siege)
        for number, seconds in ((signal.SIGSTOP, HELD_SECONDS), (signal.SIGKILL, 0)):
            for pid in pids:
                os.kill(pid, number)
            await asyncio.sleep(seconds)
        await asyncio.sleep(siege.rng.random() * 0.3)
        return found + await siege.killed(product, running)
    finally:
        await product.kill()


async def called(siege: Siege) -> None:
    """Until the channel was called again, or will not be soon."""
    size = siege.place.calls.stat().st_size
    for _ in range(300):
        await asyncio.sleep(0.001)
        if siege.place.calls.stat().st_size > size:
            return


def at_point(point: str) -> Strike:
    """The product kills itself; if it never comes by there in time, it is killed all the same."""

    async def strike(siege: Siege) -> list[Finding]:
        number = siege.rng.randint(1, POINTS[point][1])
        command = ("-m", "tests.faults.points", point, str(number), "broker")
        found: list[Finding] = []
        running = None
        siege.rounds += 1
        product = Product(siege.place, CATEGORIES, command)
        try:
            await siege.open(product)
            load, running = loaded(siege, product)
            await dead(product, POINT_SECONDS)
            load.stop()
        except NotReady:
            if product.alive:
                raise
        try:
            if product.alive:
                siege.missed.append(point)
            return found + await siege.gone(await product.kill(), running)
        finally:
            await product.kill()

    return strike


async def dead(product: Product, seconds: float) -> None:
    for _ in range(int(seconds / 0.01)):
        await asyncio.sleep(0.01)
        if not product.alive:
            return


async def begun(siege: Siege, command: tuple[str, ...]) -> tuple[Product, list[Finding]]:
    """A life that was opened; what the last one left is looked at now and then."""
    siege.rounds += 1
    product = Product(siege.place, CATEGORIES, command)
    try:
        await siege.open(product)
        return product, await siege.look() if siege.rng.random() < LOOKED else []
    except BaseException:
        await product.kill()
        raise


def loaded(siege: Siege, product: Product) -> tuple[Load, asyncio.Task[None]]:
    load = Load(siege.world, product.port, f"{siege.world.name}/{siege.rounds}")
    return load, asyncio.create_task(load.run())


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await Campaign(root, seed, rounds).run()


FAULT = Fault(
    "kill",
    "0 lost, 0 ghosts, 0 stuck, calls within the bound",
    Rounds(12, 300, 3_000),
    run,
)
