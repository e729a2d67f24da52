"""Rounds of deeds on lives of a cluster, dealt like cards, so that each comes as often."""

import asyncio
import random
import shutil
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from statistics import median

from tests.cluster.topology import Queue
from tests.faults.checker import Finding, Kind
from tests.faults.cluster.deeds import Deed
from tests.faults.cluster.life import RESUMES_SECONDS, Life, life
from tests.faults.fault import Run, Tally

PAUSE_SECONDS = (0.2, 1.0)
"""Of load before a deed."""
ROUGHLY = 2
"""So many times the bound where there are few rounds, on a machine that does other things too."""
LIFE = 10
"""Rounds on one cluster, at most; however many there are at a time, the plan is the same."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The same deeds again and again; `run` is the `Run` of a fault."""

    deck: Sequence[Deed]
    queue: Queue
    doors: bool = False
    bound: float = RESUMES_SECONDS
    """Of each wait until all goes on."""
    lives: int = 1
    """At a time, each with servers and ports of its own."""

    def side_by_side(self, lives: int) -> Run:
        """So many lives at a time: most of a round is waiting."""
        return replace(self, lives=lives).run

    async def run(self, root: Path, seed: int, rounds: int) -> Tally:
        """Life after life; one in which something is found is kept."""
        tally, room = Tally(), asyncio.Semaphore(self.lives)
        bound = self.bound * (ROUGHLY if rounds < LIFE else 1)
        cards = deal(random.Random(seed), self.deck)
        plans = {
            first: list(islice(cards, min(LIFE, rounds - first)))
            for first in range(0, rounds, LIFE)
        }

        async def one(first: int, deeds: Sequence[Deed]) -> None:
            async with room:
                await self._live(root / f"life-{first}", f"{seed}.{first}", deeds, bound, tally)

        async with asyncio.TaskGroup() as lives:
            for first, deeds in plans.items():
                lives.create_task(one(first, deeds))
        tally.measured = went_on(tally.waits, bound)
        return tally

    async def _live(
        self, folder: Path, name: str, deeds: Sequence[Deed], bound: float, tally: Tally
    ) -> None:
        async with life(folder, name, self.queue, doors=self.doors) as lived:
            lived.bound = bound
            await _life(lived, deeds)
        tally.rounds += len(deeds)
        tally.findings += lived.findings
        tally.counts.update(lived.counts)
        for what, waits in lived.waits.items():
            tally.waits.setdefault(what, []).extend(waits)
        if not lived.findings:
            shutil.rmtree(folder)


def deal(rng: random.Random, deck: Sequence[Deed]) -> Iterator[Deed]:
    """Forever, in another order each time; after a whole deck each came once."""
    while True:
        yield from rng.sample(deck, len(deck))


def went_on(waits: Mapping[str, Sequence[float]], bound: float) -> dict[str, str]:
    """For the table."""
    if not (every := list(chain(*waits.values()))):
        return {}
    told = f"median {median(every):.1f} s, at most {max(every):.1f} s, N {len(every)}"
    return {"went on within": f"{told} (bound {bound:g} s)"}


async def _life(lived: Life, deeds: Sequence[Deed]) -> None:
    try:
        lived.begin_load()
        for deed in deeds:
            await asyncio.sleep(lived.rng.uniform(*PAUSE_SECONDS))
            lived.doing = deed.__name__.replace("_", " ")
            lived.counts[lived.doing] += 1
            await deed(lived)
        await lived.settled()
    except Exception as error:  # noqa: BLE001 - a look that failed has not passed
        traceback.print_exc()
        lived.findings.append(Finding(Kind.ERROR, f"{type(error).__name__}: {error}"))
