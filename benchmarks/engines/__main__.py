"""`python -m benchmarks.engines`: the scaled-out set-up; as `python -m benchmarks` does."""

import argparse
import time
from collections.abc import Callable
from typing import Any

from benchmarks.__main__ import write
from benchmarks.engines import broadcasting, offering, publishing, recording, small
from benchmarks.engines.bench import EnginesBench
from benchmarks.figures import Figure
from benchmarks.load import generator
from benchmarks.machine import commit, machine
from benchmarks.table import heading, measured

SCENARIOS: dict[str, Callable[[EnginesBench], list[Figure]]] = {
    "broadcast": broadcasting.by_skip_locked,
    "broadcast-jetstream": broadcasting.by_jetstream,
    "recording": recording.each,
    "publish": publishing.durable,
    "offer": offering.offered,
    "small": small.by_skip_locked,
    "small-jetstream": small.by_jetstream,
    "workers": broadcasting.second_worker,
    "growth": broadcasting.growth,
}


def main() -> None:
    asked = _arguments()
    bench = EnginesBench()
    if asked.quick:
        bench = EnginesBench(rounds=1, people=50_000, press_seconds=2, small_seconds=4)
    found: dict[str, Any] = {"machine": machine(), "commit": commit(), "generator": generator()}
    found["postgresql"] = bench.stage.version
    print("\n".join([*heading(found), f"PostgreSQL {found['postgresql']}"]), flush=True)
    began = time.monotonic()
    figures, not_run = measured(SCENARIOS, bench, asked.only or list(SCENARIOS))
    found |= {
        "quick": asked.quick,
        "seconds": round(time.monotonic() - began),
        "figures": [figure.document() for figure in figures],
        "not_run": not_run,
    }
    if asked.only or asked.quick:
        print("a part of the table: nothing written")
        return
    write(found, "engines-")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="one small round of each; no proof")
    return parser.parse_args()


if __name__ == "__main__":
    main()
