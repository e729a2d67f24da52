"""`python -m tests.faults.crash`: kill -9 under load, again and again, and count what was lost.

First the checker has to catch three planted bugs, and to find nothing where they are not planted.
CRASH_ROUNDS says how many rounds; a seed that is printed makes the same plan again.
"""

import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.faults.checker import Finding, Kind
from tests.faults.fault import Counts
from tests.faults.planted import BUGS, caught
from tests.faults.siege import Siege

LIVES = (3, 6)
"""Rounds on the same data directory."""
SHOWN = 20


class Campaign:
    """All rounds, and what became of them."""

    def __init__(self, root: Path, seed: int, rounds: int) -> None:
        self._root = root
        self._seed = seed
        self._rounds = rounds
        self._rng = random.Random(seed)
        self._stores = 0
        self.counts = Counts()
        self.findings: Counter[Kind] = Counter()
        self.passed = self.failed = 0

    async def run(self) -> None:
        """Data directory after data directory, until all rounds are done."""
        while (left := self._rounds - self.passed - self.failed) > 0:
            await self._store(min(left, self._rng.randint(*LIVES)))

    async def _store(self, rounds: int) -> None:
        """So many on one data directory; one that is broken is left as it is, to be looked at."""
        self._stores += 1
        root = self._root / f"store-{self._stores}"
        siege = Siege.begin(root, f"{self._seed}.{self._stores}")
        found: list[Finding] = []
        while siege.rounds < rounds and not found:
            last = siege.rounds == rounds - 1
            found = await self._round(siege, settled=last or self._rng.random() < 0.3)
            self._count(siege, found)
        self.counts.update(siege.counts)
        siege.world.log.close()
        if not found:
            shutil.rmtree(root)

    async def _round(self, siege: Siege, *, settled: bool) -> list[Finding]:
        found: list[Finding] = []
        try:
            found += await siege.round()
            if settled:
                found += await siege.settled()
        except Exception as error:  # noqa: BLE001 - a look that failed has not passed
            traceback.print_exc()
            found.append(Finding(Kind.ERROR, f"{type(error).__name__}: {error}"))
        return found

    def _count(self, siege: Siege, found: list[Finding]) -> None:
        if found:
            self.failed += 1
            print(f"round {self.passed + self.failed}: {len(found)} wrong, see {siege.place.root}")
        else:
            self.passed += 1
        for finding in found[:SHOWN]:
            print(f"  {finding.kind}: {finding.detail}")
        self.findings.update(finding.kind for finding in found)
        done = self.passed + self.failed
        if done % 10 == 0 or done == self._rounds:
            print(f"{done} of {self._rounds} rounds, {self.failed} failed", flush=True)

    def summary(self) -> str:
        """N beside every zero."""
        zeros = ", ".join(f"{kind} {self.findings[kind]:,}" for kind in Kind)
        rounds = self.passed + self.failed
        return f"rounds {rounds:,}, stores {self._stores:,}, {self.counts}: {zeros}"


async def run(root: Path, seed: int, rounds: int) -> int:
    """The exit status."""
    started = time.monotonic()
    bugs = 0
    for bug in BUGS:
        bugs += await caught(root, bug)
    print(f"planted bugs caught {bugs}/{len(BUGS)}", flush=True)
    if bugs < len(BUGS):
        print(f"no zero of this checker would count, see {root}")
        print(f"{bugs} passed, {len(BUGS) - bugs} failed")
        return 1
    campaign = Campaign(root, seed, rounds)
    await campaign.run()
    if campaign.failed:
        print(f"the same plan again: --seed {seed} --rounds {rounds}")
    print(f"{campaign.summary()} ({time.monotonic() - started:.0f} s)")
    print(f"{bugs + campaign.passed} passed, {campaign.failed} failed")
    return min(campaign.failed, 1)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("CRASH_ROUNDS") or 100))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    if sys.platform != "linux":
        sys.exit("the crash test reads /proc, so it needs Linux")
    print(f"seed {asked.seed}, {asked.rounds} rounds", flush=True)
    root = Path(tempfile.mkdtemp(prefix="notefly-crash-"))
    status = asyncio.run(run(root, asked.seed, asked.rounds))
    if not status:
        shutil.rmtree(root)
    sys.exit(status)


if __name__ == "__main__":
    main()
