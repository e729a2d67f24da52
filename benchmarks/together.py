"""Small before big: publishes at 100 a second while broadcasts run back to back."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.bench import BROADCAST_ROWS, MOVIES, SPORTS, Bench
from benchmarks.composition import Order
from benchmarks.figures import Figure, of_ratios, percentile
from benchmarks.machine import ROOT
from benchmarks.served import Served, served

PER_SECOND = 100
PUBLISH_MILLISECONDS = 15
LAST_MILLISECONDS = 50
KEEP_SPEED = 0.6
DONE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Interval:
    """What the small messages of an interval saw, in milliseconds."""

    publish_p99: float
    publish_p50: float
    last_p99: float
    last_p50: float
    sent_late_p99: float
    messages: int


@dataclass(frozen=True, slots=True)
class Round:
    """Idle, broadcasts alone, and both in one interval: on one broker."""

    idle: Interval
    mixed: Interval
    alone_rows: float
    mixed_rows: float


def small_before_big(bench: Bench) -> list[Figure]:
    """Three figures of the same intervals."""
    rounds = [_round(bench, turn) for turn in range(bench.rounds)]
    details = {
        "idle": [_plain(r.idle) for r in rounds],
        "mixed": [_plain(r.mixed) for r in rounds],
        "generator": "benchmarks.openloop, one process",
    }
    return [
        _added(
            "p99 of a publish while broadcasts run back to back, over idle",
            [r.mixed.publish_p99 for r in rounds],
            [r.idle.publish_p99 for r in rounds],
            PUBLISH_MILLISECONDS,
            details,
        ),
        of_ratios(
            "speed of those broadcasts / alone",
            "deliveries/s",
            [r.mixed_rows for r in rounds],
            [r.alone_rows for r in rounds],
            KEEP_SPEED,
            note="log mode; the same intervals",
        ),
        _added(
            "from a small message's 202 to its last delivery, p99, over idle",
            [r.mixed.last_p99 for r in rounds],
            [r.idle.last_p99 for r in rounds],
            LAST_MILLISECONDS,
            {"how": "finish() returned, stamped at the port BatchStore; no request, no poll"},
        ),
    ]


def _added(
    name: str, mixed: Sequence[float], idle: Sequence[float], most: int, more: dict[str, Any]
) -> Figure:
    added = median(a - b for a, b in zip(mixed, idle, strict=True))
    return Figure(
        name,
        median(mixed),
        "ms",
        median(idle),
        None,
        f"<= idle + {most} ms",
        added <= most,
        len(mixed),
        note=f"idle + {added:.1f} ms; 100/s, Poisson, from the scheduled time; log mode",
        more={
            "added_ms": added,
            "rounds": [list(p) for p in zip(mixed, idle, strict=True)],
            **more,
        },
    )


def _round(bench: Bench, turn: int) -> Round:
    with bench.crowd(Order("")) as folder, served(Order(str(folder))) as broker:
        _storm(broker, 1)  # warms up caches and the pace
        idle = ended(broker, client(broker, bench.idle_seconds, 2 * turn))
        alone = _storm(broker, bench.idle_seconds)
        publishing = client(broker, bench.storm_seconds + 1, 2 * turn + 1)
        mixed = _storm(broker, bench.storm_seconds)
        return Round(idle, ended(broker, publishing), alone, mixed)


def _storm(broker: Served, seconds: float) -> float:
    done = broker.ask("storm", category=SPORTS.category, rows=BROADCAST_ROWS, seconds=seconds)
    return float(done["rows_per_second"])


def client(
    broker: Served, seconds: float, seed: int, per_second: float = PER_SECOND
) -> "subprocess.Popen[str]":
    """Small messages from a process of its own."""
    broker.ask("last_of")
    asked = {
        "url": broker.url,
        "category": MOVIES.category,
        "per_second": per_second,
        "seconds": seconds,
        "seed": seed,
    }
    command = [sys.executable, "-m", "benchmarks.openloop", json.dumps(asked)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def ended(broker: Served, publishing: "subprocess.Popen[str]") -> Interval:
    """What they saw, once the last of them is delivered."""
    told = json.loads(publishing.communicate()[0])
    assert publishing.returncode == 0, "the open-loop client failed"
    time.sleep(DONE_SECONDS)
    last_of = broker.ask("last_of")
    publish = [(answered - due) * 1e3 for _, due, answered in told["answers"]]
    # Negative where the last delivery was durable before the client had read its 202.
    last = [max(0.0, last_of[m] - answered) * 1e3 for m, _, answered in told["answers"]]
    late = [seconds * 1e3 for seconds in told["sent_late"]]
    return Interval(
        percentile(publish, 0.99),
        percentile(publish, 0.5),
        percentile(last, 0.99),
        percentile(last, 0.5),
        percentile(late, 0.99),
        len(publish),
    )


def _plain(interval: Interval) -> dict[str, float]:
    return {name: getattr(interval, name) for name in interval.__slots__}
