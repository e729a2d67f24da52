"""`python -m benchmarks`: measures, prints the table, writes JSON to `benchmarks/results/`."""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import broadcasting, lots, publishing, reading, streams, together
from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.load import generator
from benchmarks.machine import commit, machine, today
from benchmarks.population import Workshop
from benchmarks.table import heading, measured

RESULTS = Path(__file__).parent / "results"
SCENARIOS: dict[str, Callable[[Bench], list[Figure]]] = {
    "publish": publishing.durable,
    "route": publishing.route,
    "ndjson": lots.in_one_request,
    "broadcast": broadcasting.alike,
    "called": broadcasting.called,
    "small": lots.small,
    "together": together.small_before_big,
    "reading": reading.first_pages,
    "streams": streams.crowds,
    "slope": broadcasting.slope,
}


def main() -> None:
    asked = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="notefly-bench-", dir=asked.dir))
    bench = Bench(Workshop(folder))
    if asked.quick:
        bench = Bench(bench.shop, rounds=1, press_seconds=2, storm_seconds=5, idle_seconds=4)
    found: dict[str, Any] = {"machine": machine(), "commit": commit(), "generator": generator()}
    print("\n".join(heading(found)), flush=True)
    began = time.monotonic()
    try:
        figures, not_run = measured(SCENARIOS, bench, asked.only or list(SCENARIOS))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found |= {
        "quick": asked.quick,
        "seconds": round(time.monotonic() - began),
        "figures": [figure.document() for figure in figures],
        "not_run": not_run,
    }
    if asked.only or asked.quick:
        print("a part of the table: nothing written")
        return
    write(found)


def write(found: dict[str, Any], prefix: str = "") -> None:
    """One file for this commit, and one for whoever wants the newest."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    for name in (f"{today()}-{found['commit']}", "latest"):
        (RESULTS / f"{prefix}{name}.json").write_text(text, encoding="utf-8")
    print(f"written to {RESULTS / f'{prefix}latest.json'}; it took {found['seconds']} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--quick", action="store_true", help="one short round of each; no proof")
    parser.add_argument("--dir", help="where the stores lie: the disk that is measured")
    return parser.parse_args()


if __name__ == "__main__":
    main()
