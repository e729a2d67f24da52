"""Small messages: from the 202 to the last delivery, against the embedded engine."""

import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.composition import Order
from benchmarks.engines.bench import CHANNELS, MOVIES, EnginesBench
from benchmarks.engines.broadcasting import Queue
from benchmarks.engines.passing import passed
from benchmarks.engines.processes import Cluster, process
from benchmarks.engines.queues import Settings, jetstream, skip_locked
from benchmarks.figures import Figure, percentile
from benchmarks.machine import ROOT
from benchmarks.population import Workshop
from tests.support.up import free_ports

NODES = 3
PER_SECOND = 50
AT_MOST = 3.0
STAMPS = ("stamps",)
LEAST = 1e-6
PATIENCE_SECONDS = 60.0
SHARES = {"p50": 0.5, "p99": 0.99}
Times = Mapping[str, list[float]]
"""Seconds, by what took them."""
Alone = Callable[[Settings, float], Times]


def by_skip_locked(bench: EnginesBench) -> list[Figure]:
    """Not in the table of targets, for comparison."""
    return _against_embedded(bench, "SKIP LOCKED, 2 workers", skip_locked)


def by_jetstream(bench: EnginesBench) -> list[Figure]:
    """Three nodes, each of which syncs before it answers."""
    return _against_embedded(
        bench, "JetStream, 3 nodes, 2 workers", lambda: jetstream(NODES), _nats_alone
    )


def _nats_alone(settings: Settings, seconds: float) -> Times:
    stored, received = passed(settings["NOTEFLY_QUEUE"], NODES, seconds)
    return {"stored": stored, "received": received}


def _against_embedded(
    bench: EnginesBench, name: str, queue: Queue, alone: Alone | None = None
) -> list[Figure]:
    """`alone` is asked what the queue's servers take for themselves, right after each run."""
    scaled, embedded = [], []
    least: dict[str, list[float]] = defaultdict(list)
    template = bench.stage.template("small", [MOVIES])
    for turn in range(bench.rounds):
        with (
            queue() as settings,
            bench.stage.fresh(template) as dsn,
            Cluster(dsn, 2, settings, STAMPS).started() as running,
        ):
            scaled.append(_waited(running.url, running.folder, bench.small_seconds, turn))
            for what, times in alone(settings, bench.small_seconds).items() if alone else ():
                least[what] += times
        embedded.append(_embedded(bench, turn))
    return [_figure(name, percent, scaled, embedded, least) for percent in SHARES]


def _figure(
    name: str,
    percent: str,
    scaled: list[list[float]],
    embedded: list[list[float]],
    least: Times,
) -> Figure:
    share = SHARES[percent]
    floor = {what: percentile(times, share) * 1e3 for what, times in least.items()}
    told = "".join(f"; NATS alone, {what} {ms:.1f} ms" for what, ms in floor.items())
    ours, theirs = ([percentile(run, share) * 1e3 for run in runs] for runs in (scaled, embedded))
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    ratio = ratios[len(ratios) // 2]
    return Figure(
        f"from a small message's 202 to its last delivery, {percent}: {name} / embedded",
        sorted(ours)[len(ours) // 2],
        "ms",
        sorted(theirs)[len(theirs) // 2],
        ratio,
        f"<= {AT_MOST:g} x",
        ratio <= AT_MOST,
        len(ours),
        note=f"{PER_SECOND}/s to ten people on two channels; a negative time counts as none{told}",
        more={"rounds": [list(pair) for pair in zip(ours, theirs, strict=True)], "alone": floor},
    )


def _embedded(bench: EnginesBench, turn: int) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="notefly-") as name:
        shop = Bench(Workshop(Path(name))).shop
        port = free_ports()[0]
        with shop.fresh(shop.template("small", Order(""), [MOVIES])) as folder:
            settings = {"NOTEFLY_DATA_DIR": str(folder), "NOTEFLY_BROKER_PORT": str(port)}
            with process("broker", folder, settings, STAMPS):
                return _waited(f"http://127.0.0.1:{port}", folder, bench.small_seconds, turn)


def _waited(url: str, folder: Path, seconds: float, seed: int) -> list[float]:
    """For each message: its last stamp less its answer; what came before the answer is 0."""
    asked = {
        "url": url,
        "category": MOVIES.category,
        "per_second": PER_SECOND,
        "seconds": seconds,
        "seed": seed,
    }
    command = [sys.executable, "-m", "benchmarks.openloop", json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    answers = {id_: answered for id_, _, answered in json.loads(done.stdout)["answers"]}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        stamps = _stamps(folder)
        if all(len(stamps[one]) >= CHANNELS for one in answers):
            return [max(LEAST, max(stamps[one]) - at) for one, at in answers.items()]
        assert time.monotonic() < deadline, "deliveries do not end"
        time.sleep(0.1)  # the times are the log's own, so looking seldom costs none of them


def _stamps(folder: Path) -> dict[str, list[float]]:
    """Of each message, one for each of its batches."""
    found: dict[str, list[float]] = defaultdict(list)
    for path in folder.glob("stamps-*"):
        for line in path.read_text().splitlines():
            message, at = line.split()
            found[message].append(float(at))
    return found
