"""Rounds of deeds on lives of a cluster, dealt like cards, so that each comes as often."""

import asyncio
import random
import shutil
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.cluster.topology import Queue
from tests.faults.checker import Finding, Kind
from tests.faults.cluster.deeds import Deed
from tests.faults.cluster.life import RESUMES_SECONDS, Life, life
from tests.faults.fault import Tally

PAUSE_SECONDS = (0.2, 1.0)
"""Of load before a deed."""
LIFE = 20
"""Rounds on one cluster, at most."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The same deeds again and again; `run` is the `Run` of a fault."""

    deck: Sequence[Deed]
    queue: Queue
    doors: bool = False
    bound: float = RESUMES_SECONDS
    """Only told here: each deed sees to its own."""

    async def run(self, root: Path, seed: int, rounds: int) -> Tally:
        """Life after life; one in which something is found is kept."""
        tally, waits = Tally(), list[float]()
        cards = deal(random.Random(seed), self.deck)
        for first in range(0, rounds, LIFE):
            deeds = [next(cards) for _ in range(min(LIFE, rounds - first))]
            folder = root / f"life-{first}"
            async with life(folder, f"{seed}.{first}", self.queue, doors=self.doors) as lived:
                await _life(lived, deeds)
            tally.rounds += len(deeds)
            tally.findings += lived.findings
            tally.counts.update(lived.counts)
            waits += lived.waits
            if not lived.findings:
                shutil.rmtree(folder)
        tally.measured = went_on(waits, self.bound)
        return tally


def deal(rng: random.Random, deck: Sequence[Deed]) -> Iterator[Deed]:
    """Forever, in another order each time; after a whole deck each came once."""
    while True:
        yield from rng.sample(deck, len(deck))


def went_on(waits: Sequence[float], bound: float) -> dict[str, str]:
    """For the table."""
    if not waits:
        return {}
    told = f"median {median(waits):.1f} s, at most {max(waits):.1f} s, N {len(waits)}"
    return {"went on within": f"{told} (bound {bound:g} s)"}


async def _life(lived: Life, deeds: Sequence[Deed]) -> None:
    try:
        lived.begin_load()
        for deed in deeds:
            await asyncio.sleep(lived.rng.uniform(*PAUSE_SECONDS))
            lived.counts[deed.__name__.replace("_", " ")] += 1
            await deed(lived)
        await lived.settled()
    except Exception as error:  # noqa: BLE001 - a look that failed has not passed
        traceback.print_exc()
        lived.findings.append(Finding(Kind.ERROR, f"{type(error).__name__}: {error}"))
