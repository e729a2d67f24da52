"""Round after round on data directories that live through several: the frame of a campaign."""

import random
import shutil
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import apsw

from tests.faults.checker import Finding, Kind
from tests.faults.fault import Counts, Tally
from tests.faults.siege import Siege

LIVES = (3, 6)
"""Rounds on the same data directory."""


class Trial(Protocol):
    """One data directory, and what is done to it."""

    siege: Siege
    counts: Counts
    """What was done, beside what the siege has looked at."""

    async def round(self) -> list[Finding]:
        """Do it once, and look."""
        ...


async def campaign(
    root: Path,
    seed: int,
    rounds: int,
    opened: Callable[[Path, str], AbstractContextManager[Trial]],
    lives: tuple[int, int] = LIVES,
) -> Tally:
    """Store after store until all rounds are done; one that is broken is left to be looked at."""
    rng, tally, stores = random.Random(seed), Tally(), 0
    while tally.rounds < rounds:
        stores += 1
        place = root / f"store-{stores}"
        with opened(place, f"{seed}.{stores}") as trial:
            last = min(rounds, tally.rounds + rng.randint(*lives))
            found: list[Finding] = []
            while tally.rounds < last and not found:
                tally.rounds += 1
                found = await looked(trial.round)
            if not found:
                found = await looked(trial.siege.settled)
            tally.counts.update(trial.siege.counts)
            tally.counts.update(trial.counts)
            tally.findings += found
            trial.siege.world.log.close()
        if not found:
            shutil.rmtree(place)
    tally.counts["stores"] = stores
    return tally


async def looked(look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """A look that failed has not passed."""
    try:
        return await look()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one more thing to look at
        traceback.print_exc()
        return [Finding(Kind.ERROR, f"{type(error).__name__}: {error}")]


def damage(store: Path) -> list[Finding]:
    """What SQLite itself says of a store that nobody uses."""
    connection = apsw.Connection(str(store))
    try:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
    finally:
        connection.close()
    return [Finding(Kind.INVARIANT, f"integrity_check: {line}") for line in said if line != "ok"]
