"""`python -m tests.faults`: the fault suite; a seed that is printed makes the same plans again.

First the checker has to catch the planted bugs, or no zero of what follows would count; on the
cluster every life ends with them.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.machine import commit, machine, today
from tests.faults.disk import COMMANDS
from tests.faults.fault import CLUSTER, EMBEDDED, Counts, Fault, Tally
from tests.faults.planted import caught_all
from tests.faults.report import Row, State, closing, table
from tests.faults.suite import faults

RESULTS = Path(__file__).parent / "results"
SCALES = ("ci", "short", "long")
BOUNDS = {
    EMBEDDED: {"ci": 300, "short": 1_800},
    CLUSTER: {"ci": 150},
}
"""Seconds that a group may take on a quiet machine; told, and no reason to fail."""
CAP_SYS_ADMIN = 21
"""From <linux/capability.h>: without it root cannot mount either."""


def main() -> None:
    """From the command line."""
    every = faults()
    asked = _arguments([fault.name for fault in every])
    if sys.platform != "linux":
        sys.exit("the fault suite reads /proc, so it needs Linux")
    signal.signal(signal.SIGTERM, _stopped)
    found = {"machine": machine(), "commit": commit(), "scale": asked.scale, "seed": asked.seed}
    print(f"commit {found['commit']}, scale {asked.scale}, seed {asked.seed}", flush=True)
    root = Path(tempfile.mkdtemp(prefix="notefly-faults-", dir=asked.dir))
    began = time.monotonic()
    rows = asyncio.run(_suite(root, asked, _chosen(every, asked)))
    passed = not any(row.state is State.FAILED for row in rows)
    if passed:
        shutil.rmtree(root)
    else:
        print(f"what was found lies in {root}; the same again: {_again(asked)}")
    seconds = round(time.monotonic() - began)
    if passed and not (asked.rounds or asked.unproved) and asked.scale != "ci":
        _keep(found, rows)
    bound = None if asked.only else BOUNDS[asked.group].get(asked.scale)
    print("\n".join(["", *table(rows), "", closing(rows), took(bound, seconds)]))
    sys.exit(not passed)


def _stopped(_number: int, _frame: object) -> None:
    """By a time limit: whoever runs a product kills it on the way out."""
    sys.exit("stopped before the end")


async def _suite(root: Path, asked: argparse.Namespace, chosen: Sequence[Fault]) -> list[Row]:
    rows = []
    if asked.unproved:
        print("the checker is not tested first: no zero of this run counts")
    elif any(fault.group == EMBEDDED for fault in chosen):
        rows.append(_said(await _planted(folder(root, "planted"), asked.seed)))
        if rows[0].state is State.FAILED:
            print("no zero of this checker would count")
            return rows
    for fault in chosen:
        rounds = asked.rounds or getattr(fault.rounds, asked.scale)
        beside = fault.side_by_side(asked.lives) if fault.side_by_side else None
        chosen_run = replace(fault, run=beside or fault.run)
        rows.append(_said(await _one(folder(root, fault.name), chosen_run, asked.seed, rounds)))
    return rows


async def _planted(root: Path, seed: int) -> Row:
    """As a row of the table."""
    began = time.monotonic()
    caught, total, not_run = await caught_all(root)
    counts = Counts({"caught": caught, "planted": total})
    failed = caught + len(not_run) < total or (bool(not_run) and _privileged())
    return Row(
        "planted bugs",
        "the checker catches each, and finds nothing where none is planted",
        seed,
        State.FAILED if failed else State.PASSED,
        total,
        Tally(caught, counts),
        time.monotonic() - began,
        "; ".join(f"not run: {one}" for one in not_run),
    )


async def _one(root: Path, fault: Fault, seed: int, rounds: int) -> Row:
    if why := fault.needs():
        state = State.FAILED if _privileged() else State.NOT_RUN
        return Row(fault.name, fault.expected, seed, state, rounds, why=why)
    began = time.monotonic()
    tally, why = Tally(), ""
    try:
        tally = await fault.run(root, seed, rounds)
    except Exception as error:  # noqa: BLE001 - a fault that broke down has not passed
        traceback.print_exc()
        why = f"the harness broke: {type(error).__name__}: {error}"
    if not why and tally.rounds < rounds:
        why = "not all rounds were done"
    state = State.FAILED if why or tally.findings else State.PASSED
    if state is State.PASSED:
        shutil.rmtree(root)
    seconds = time.monotonic() - began
    return Row(fault.name, fault.expected, seed, state, rounds, tally, seconds, why)


def _said(row: Row) -> Row:
    print("\n".join([row.line, *row.details]), flush=True)
    return row


def folder(root: Path, name: str) -> Path:
    """A new one."""
    made = root / name
    made.mkdir()
    return made


def took(bound: int | None, seconds: int) -> str:
    """All of it, beside its bound where the scale has one."""
    if bound is None:
        return f"{seconds:,} s"
    return f"{seconds:,} s: {'over' if seconds > bound else 'within'} its {bound:,} s"


def _privileged() -> bool:
    """Whether whatever the suite needs can be had: then "not run" is no excuse.

    Root in a container may be without the right to mount, without loop devices or without mkfs.
    """
    status = Path("/proc/self/status").read_text()
    rights = next(int(x.split()[1], 16) for x in status.splitlines() if x.startswith("CapEff:"))
    mounts = rights >> CAP_SYS_ADMIN & 1 and Path("/dev/loop-control").exists()
    commands = all(map(shutil.which, COMMANDS))
    return os.geteuid() == 0 and bool(mounts) and commands


def _keep(found: dict[str, Any], rows: Sequence[Row]) -> None:
    """One file a fault: its last run with all of its rounds."""
    RESULTS.mkdir(exist_ok=True)
    of_all = {name: found[name] for name in ("machine", "commit", "scale")} | {"date": today()}
    for row in rows:
        if row.state is State.PASSED:
            text = json.dumps(of_all | row.document(), indent=2, ensure_ascii=False) + "\n"
            path = RESULTS / f"{row.name.replace(' ', '-')}.json"
            path.write_text(text, encoding="utf-8")
            print(f"written to {path.relative_to(RESULTS.parents[2])}")


def _again(asked: argparse.Namespace) -> str:
    only = "".join(f" --only {name}" for name in asked.only or ()) or f" --group {asked.group}"
    rounds = f" --rounds {asked.rounds}" if asked.rounds else ""
    lives = f" --lives {asked.lives}" if asked.lives > 1 else ""
    return f"python -m tests.faults --scale {asked.scale} --seed {asked.seed}{only}{rounds}{lives}"


def _chosen(every: Iterable[Fault], asked: argparse.Namespace) -> list[Fault]:
    if asked.only:
        return [fault for fault in every if fault.name in asked.only]
    return [fault for fault in every if fault.group == asked.group]


def _arguments(names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="short")
    parser.add_argument("--only", action="append", nargs="+", choices=names, metavar="FAULT")
    parser.add_argument("--group", choices=BOUNDS, default=EMBEDDED, help="unless --only says more")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, help="of each fault, whatever the scale says")
    parser.add_argument(
        "--lives", type=int, choices=range(1, 5), default=1, help="at a time, of the cluster"
    )
    parser.add_argument("--unproved", action="store_true", help="without the planted bugs")
    parser.add_argument("--dir", help="where the stores lie")
    asked = parser.parse_args()
    asked.only = [name for group in asked.only or () for name in group]
    return asked


if __name__ == "__main__":
    main()
