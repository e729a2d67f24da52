"""SIGTERM under load, with streams open: nothing is lost, nothing is called again."""

import asyncio
import shutil
import time
from pathlib import Path

from tests.faults.checker import Finding, Kind, parse_calls
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.kill import loaded
from tests.faults.listening import Listener
from tests.faults.load import CATEGORIES
from tests.faults.product import BROKER, CHANNEL, UP, Product
from tests.faults.record import attempts_that, open_work
from tests.faults.siege import Siege

LIFE = 4
"""Rounds on one store."""
EXIT_SECONDS = 10.0
LOAD_SECONDS = (0.1, 0.8)
STREAMS = 3
NOT_BEGUN = "0 bytes read on a total of undefined expected bytes"
"""How asyncio says that a connection ended before the first byte of an answer."""


class Stops:
    """All rounds."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._seed = seed
        self._slowest = 0.0
        self._seen = Counts()
        self.tally = Tally()

    async def run(self, rounds: int) -> Tally:
        """A store for LIFE rounds."""
        counts = Counts()
        for first in range(0, rounds, LIFE):
            counts.update(await self._life(first, min(LIFE, rounds - first)))
        self.tally.counts = Counts({**self._seen, **counts})
        slowest = f"{self._slowest:.2f} s at most (bound {EXIT_SECONDS:g} s)"
        self.tally.measured["exit after SIGTERM"] = slowest
        return self.tally

    async def _life(self, first: int, rounds: int) -> Counts:
        root = self._root / f"store-{first}"
        siege = Siege.begin(root, f"{self._seed}.{first}")
        found: list[Finding] = []
        for number in range(rounds):
            found += await self._round(siege, UP if number % 3 == 1 else BROKER)
            self.tally.rounds += 1
        found += await siege.settled()
        found += called_again(siege)
        siege.world.log.close()
        self.tally.findings += found
        if not found:
            shutil.rmtree(root)
        return siege.counts

    async def _round(self, siege: Siege, command: tuple[str, ...]) -> list[Finding]:
        siege.rounds += 1
        product = Product(siege.place, CATEGORIES, command)
        try:
            await siege.open(product)
            streams = [Listener(product.port, "/v1/events") for _ in range(STREAMS)]
            if command is UP:
                streams.append(Listener(product.client_port, "/events"))
            for stream in streams:
                await stream.open()
            listening = [asyncio.create_task(stream.listen()) for stream in streams]
            load, running = loaded(siege, product)
            await asyncio.sleep(siege.rng.uniform(*LOAD_SECONDS))
            found = siege.unanswered()
            found += await self._stop(product)
            load.stop()
            await asyncio.gather(running, *listening)
            found += self._heard(streams)
            return found + self._cut(siege) + await self._left(siege)
        finally:
            await product.kill()

    async def _stop(self, product: Product) -> list[Finding]:
        began = time.monotonic()
        words = await product.stop()
        seconds = time.monotonic() - began
        self._slowest = max(self._slowest, seconds)
        found = [Finding(Kind.ORPHAN, words)] if words else []
        if seconds > EXIT_SECONDS:
            found.append(Finding(Kind.STUCK, f"it took {seconds:.1f} s to exit after SIGTERM"))
        return found

    def _heard(self, streams: list[Listener]) -> list[Finding]:
        self._seen["streams open"] += len(streams)
        self._seen["events heard"] += sum(stream.events for stream in streams)
        return [Finding(Kind.TORN, stream.trouble) for stream in streams if stream.trouble]

    def _cut(self, siege: Siege) -> list[Finding]:
        """A request under way has its whole answer, or nothing at all."""
        cut, siege.world.cut = siege.world.cut, []
        self._seen["requests cut"] += len(cut)
        half = [one for one in cut if "IncompleteRead" in one and NOT_BEGUN not in one]
        return [Finding(Kind.TORN, f"half an answer: {one}") for one in half]

    async def _left(self, siege: Siege) -> list[Finding]:
        """The store of a clean stop: whatever was handed over is recorded."""
        siege.world.log.crash()
        found = await siege.inspect(siege.place.data, drained=False)
        self._seen["work left for the next start"] += open_work(siege.store).ready
        if (leased := open_work(siege.store).leased) > 0:
            found.append(Finding(Kind.TORN, f"{leased} batches are leased by nobody"))
        return found


def called_again(siege: Siege) -> list[Finding]:
    """Nothing was interrupted, so there was no reason to."""
    found = [
        Finding(Kind.OVER_CALLED, f"{message}.{CHANNEL}.{who} was called for {attempts}")
        for message, called in parse_calls(siege.place.calls.read_text(), CHANNEL).items()
        for who, attempts in called.items()
        if len(attempts) > 1
    ]
    ended = {ending: attempts_that(siege.store, ending) for ending in ("interrupted", "died")}
    return found + [
        Finding(Kind.TORN, f"{number} attempts {ending} in clean stops")
        for ending, number in ended.items()
        if number
    ]


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await Stops(root, seed).run(rounds)


FAULT = Fault(
    "sigterm",
    "0 lost, 0 called twice, exit within 10 s",
    Rounds(3, 50, 500),
    run,
)
