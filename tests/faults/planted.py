"""`python -m tests.faults.planted`: bugs that the checker catches, or no zero of it counts.

Each is run twice under the same steering: with the bug, which has to be found as what it is, and
without it, where nothing may be found.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults import scenes
from tests.faults.checker import Finding, Kind
from tests.faults.disk import needs_loop
from tests.faults.fault import anywhere
from tests.faults.process import NotReady
from tests.faults.scenes import Scene


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake that somebody could make."""

    name: str
    """In `sabotage.BUGS`."""
    is_: str
    kind: Kind
    scene: Scene
    invariant: str = ""
    """Which one `notefly verify` names, where it is the witness."""
    needs: Callable[[], str] = anywhere

    def shown_by(self, finding: Finding) -> bool:
        """Whether it was found as what it is."""
        named = not self.invariant or finding.detail.startswith(f"{self.invariant}:")
        return finding.kind is self.kind and named


BUGS = (
    Bug(
        "normal-sync",
        "synchronous=NORMAL under a power cut",
        Kind.LOST,
        scenes.loses_power,
        needs=needs_loop,
    ),
    Bug("early-202", "202 before the commit", Kind.LOST, scenes.dies),
    Bug("early-delivered", "delivered before the channel answered", Kind.LOST, scenes.dies),
    Bug("no-fencing", "no fencing", Kind.LOST, scenes.dies),
    Bug("late-attempts", "attempts counted at the end", Kind.OVER_CALLED, scenes.dies),
    Bug("two-commits", "a batch recorded in two commits", Kind.TORN, scenes.dies),
    Bug("lost-nack", "a nack is lost", Kind.STUCK, scenes.lives),
    Bug("audience-twice", "the audience is read twice", Kind.GHOST, scenes.changes),
    Bug("no-takeover", "an expired lease is never taken over", Kind.STUCK, scenes.lives),
    Bug("key-outside", "a key checked outside the transaction", Kind.REBOUND, scenes.twins),
    Bug("replay-new-id", "replay under a new id", Kind.GHOST, scenes.replays),
    Bug(
        "stale-consent",
        "unsubscribe ignored by planned batches",
        Kind.INVARIANT,
        scenes.changes,
        invariant="I10",
    ),
)


async def caught_all(root: Path) -> tuple[int, int, list[str]]:
    """How many were caught, of how many; and which cannot be planted on this machine, and why."""
    turns = asyncio.Semaphore(1 + (os.cpu_count() or 1))
    results = await asyncio.gather(*(_judged(root, bug, turns) for bug in BUGS))
    return results.count(True), len(BUGS), [one for one in results if isinstance(one, str)]


def summary(caught: int, total: int, not_run: Sequence[str]) -> str:
    """The line of the report."""
    left = f" + {len(not_run)} not run ({'; '.join(not_run)})" if not_run else ""
    return f"planted bugs caught {caught}/{total - len(not_run)}{left}"


async def _judged(root: Path, bug: Bug, turns: asyncio.Semaphore) -> bool | str:
    """Whether it was caught, or why it cannot be planted here."""
    if why := bug.needs():
        print(f"  {bug.name}: not run: {why}", flush=True)
        return f"{bug.name}: {why}"

    async def found(*, planted: bool) -> list[Finding] | NotReady:
        name = bug.name if planted else f"{bug.name}-not-planted"
        async with turns:
            try:
                return await bug.scene(root / name, bug.name, planted=planted)
            except NotReady as error:
                return error

    with_it, without = await asyncio.gather(found(planted=True), found(planted=False))
    if isinstance(with_it, NotReady) or isinstance(without, NotReady):
        print(f"  {bug.name}: MISSED: {[with_it, without]}", flush=True)
        return False
    shown = next(filter(bug.shown_by, with_it), None)
    if shown is None or without:
        told = [f"{one.kind}: {one.detail}" for one in with_it[:3]]
        print(f"  {bug.name}: MISSED, found {told}, and without it {without[:3]}", flush=True)
        return False
    print(f"  {bug.name} ({bug.is_}): {shown.kind}: {shown.detail}", flush=True)
    return True


async def main() -> int:
    """The exit status."""
    started = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="notefly-planted-"))
    caught, total, not_run = await caught_all(root)
    print(f"{summary(caught, total, not_run)} ({time.monotonic() - started:.0f} s)")
    if caught + len(not_run) < total:
        print(f"no zero of this checker would count, see {root}")
        return 1
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    if sys.platform != "linux":
        sys.exit("the planted bugs read /proc, so they need Linux")
    sys.exit(asyncio.run(main()))
