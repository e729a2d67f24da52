"""`python -m benchmarks.soak`: half an hour of mixed load, and whether anything grows.

The embedded engine in log mode, and a plug-in channel in a process of its own that fails now and
then. At the end nothing may be left to do, and `notefly verify` has to find nothing.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.__main__ import write
from benchmarks.machine import commit, machine
from benchmarks.soak.gauges import KINDS, Gauges, flat, table, trends
from benchmarks.soak.load import CATEGORIES, Load
from benchmarks.soak.trend import Trend
from benchmarks.table import heading
from notefly.bootstrap import prove
from notefly.config import Settings
from notefly.domain.log import Proved, Violation
from tests.faults.product import BROKER, Place, Product
from tests.faults.record import work_left
from tests.support.yardstick import flushes

MINUTES = 30.0
WARM_UP = 0.2
"""Of the time; caches fill, and the pace is found."""
BROADCASTS = 30
LONGEST_PAUSE_SECONDS = 60.0
FAILS = "0.02"
DRAIN_SECONDS = 120.0
SEED = 1


def main() -> None:
    asked = _arguments()
    if asked.judge:
        kept = json.loads(Path(asked.judge).read_text())
        print(f"commit {kept['commit']}, {kept['minutes']:g} min")
        _judged(kept)
        return
    found: dict[str, Any] = {"machine": machine(), "commit": commit(), "generator": "own, asyncio"}
    print("\n".join(heading(found)), flush=True)
    folder = Path(tempfile.mkdtemp(prefix="notefly-soak-", dir=asked.dir))
    began = time.monotonic()
    try:
        told = asyncio.run(_soak(folder, asked.minutes * 60))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if asked.minutes < MINUTES:
        print("a short one: nothing written")
    else:
        write(found | told | {"seconds": round(time.monotonic() - began)}, "soak-")
    if not told["green"]:
        sys.exit("not green: see above")


def _judged(run: Mapping[str, Any]) -> Mapping[str, Trend]:
    """Its slopes, from its samples; all that was found is printed."""
    samples = dict(run["samples"])
    at = samples.pop("at")
    slopes = trends(at, samples, WARM_UP * 60 * run["minutes"])
    print("\n".join(table(slopes)))
    print(f"load: {_listed(run['counts'])}; {len(at)} samples, the first {WARM_UP:.0%} left out")
    found = run["violations"]
    print(f"verify: {len(found)} violations; looked at {_listed(run['verified'])}")
    for problem in (*run["problems"][:20], *found[:20]):
        print(f"    {problem}")
    return slopes


async def _soak(folder: Path, seconds: float) -> dict[str, Any]:
    place = Place.make(folder / "store")
    product = Product(place, CATEGORIES, BROKER, RECORDER_FAILS=FAILS)
    pause = min(LONGEST_PAUSE_SECONDS, seconds / BROADCASTS)
    try:
        await product.ready()
        load = Load(product.port, pause, random.Random(SEED))
        await load.populate()
        wal = place.store.with_name(place.store.name + "-wal")
        async with flushes(folder / "flushed") as flushed:
            gauges = Gauges(product, load, flushed, wal)
            await asyncio.gather(load.run(seconds), gauges.watch(seconds))
        left = await _left(place)
        words = await product.stop()
    finally:
        await product.kill()
    problems = [*load.wrong, *([words] if words else []), *([left] if left else [])]
    return await _told(place, load, gauges, problems, seconds)


async def _left(place: Place) -> str:
    """What is still to be done once it had time for it; empty when nothing is."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while work_left(place.store):
        if time.monotonic() > deadline:
            return f"there was work left {DRAIN_SECONDS:.0f} s after the load had ended"
        await asyncio.sleep(0.1)
    return ""


async def _told(
    place: Place, load: Load, gauges: Gauges, problems: list[str], seconds: float
) -> dict[str, Any]:
    looked, violations = await _verified(place)
    run = {
        "minutes": seconds / 60,
        "counts": {name: load.counts[name] for name in sorted(load.counts)},
        "samples": {"at": gauges.at, **gauges.samples},
        "verified": looked,
        "violations": violations,
        "problems": problems,
    }
    slopes = _judged(run)
    level = all(flat(kind, slopes[kind.name]) for kind in KINDS)
    return run | {
        "trends": {name: asdict(one) for name, one in slopes.items()},
        "green": level and not violations and not problems,
    }


async def _verified(place: Place) -> tuple[dict[str, int], list[str]]:
    looked: dict[str, int] = {}
    violations = []
    async for found in prove(Settings(data_dir=place.data)):
        if isinstance(found, Violation):
            violations.append(f"{found.invariant}: {found.words}")
        elif isinstance(found, Proved):
            for unit, count in found.looked.items():
                looked[unit] = max(count, looked.get(unit, 0))
            looked["invariants"] = looked.get("invariants", 0) + 1
    return looked, violations


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of load (default: 30)")
    parser.add_argument("--dir", help="where the store lies")
    parser.add_argument("--judge", metavar="JSON", help="no load: the table of a run that was kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
