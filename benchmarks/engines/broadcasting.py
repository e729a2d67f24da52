"""One message to half a million people on two channels, by processes of their own."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from statistics import median
from typing import NamedTuple

from benchmarks.engines.bench import CHANNELS, MOVIES, EnginesBench, plain
from benchmarks.engines.population import CATEGORIES, Stage
from benchmarks.engines.processes import Cluster, Running
from benchmarks.engines.queues import Settings, jetstream, skip_locked
from benchmarks.figures import CHANNEL_CALLED, NO_CHANNEL_CALLED, Figure, of_ratios
from benchmarks.population import Group

Queue = Callable[[], AbstractContextManager[Settings]]
AUDIENCES = (1_000, 100_000, 1_000_000)
WORKERS = (1, 2, 3)
SECOND_WORKER = 1.5
FULL = 0.85
"""Of a core, on average over a broadcast with its beginning and its end."""


def by_skip_locked(bench: EnginesBench) -> list[Figure]:
    """The store's own queue."""
    return [_against_plain(bench, "SKIP LOCKED", skip_locked, 0.9)]


def by_jetstream(bench: EnginesBench) -> list[Figure]:
    """One node and three, each of which syncs before it answers."""
    return [
        _against_plain(bench, f"JetStream, {n}, always", lambda n=n: jetstream(n), 0.85)  # type: ignore[misc]
        for n in (1, 3)
    ]


def _against_plain(bench: EnginesBench, name: str, queue: Queue, at_least: float) -> Figure:
    product, reference, groups, processors = [], [], [], []
    for _ in range(bench.rounds):
        with (
            queue() as settings,
            bench.stage.fresh(bench.crowd) as dsn,
            Cluster(dsn, 2, settings).started() as running,
        ):
            spent = bench.stage.processor_seconds()
            product.append(bench.rows / _broadcast(running, bench.rows))
            ours = bench.stage.processor_seconds() - spent
            groups.append(running.rows_per_commit())
        with bench.stage.fresh(bench.crowd) as dsn:
            spent = bench.stage.processor_seconds()
            least = plain(
                "broadcast", dsn=dsn, category="sports", rows_per_commit=round(groups[-1])
            )
            processors.append((ours, bench.stage.processor_seconds() - spent))
            assert least["rows"] == bench.rows, least
            reference.append(bench.rows / least["seconds"])
    return of_ratios(
        f"broadcast to {bench.people:,} x {CHANNELS}, 2 workers, {name} / two connections doing "
        "INSERT … SELECT, same rows per commit",
        "deliveries/s",
        product,
        reference,
        at_least,
        note="log mode; broker, workers and server on one machine",
        more={"rows_per_commit": groups, "server_processor_seconds": processors},
    )


def _broadcast(running: Running, rows: int) -> float:
    """After one small message, so that every process has met the statements."""
    running.broadcast(MOVIES.category, MOVIES.count * CHANNELS)
    return running.broadcast("sports", rows)


def second_worker(bench: EnginesBench) -> list[Figure]:
    """And a third: where the server records a batch in one statement, and where a provider is
    waited for and answers for each recipient. Processor time says which part is the limit."""
    return [
        *_more_workers(bench, "log mode", bench.crowd, bench.rows),
        *_more_workers(
            bench,
            "channels whose provider answers for each recipient in 50 ms",
            bench.called,
            bench.called_people * CHANNELS,
            ("distant",),
        ),
    ]


def _more_workers(
    bench: EnginesBench, mode: str, template: str, rows: int, changes: Sequence[str] = ()
) -> list[Figure]:
    runs: dict[int, list[Effort]] = {n: [] for n in WORKERS}
    for _ in range(bench.rounds):
        for workers in WORKERS:
            runs[workers].append(_effort(bench, template, rows, workers, changes))
    speeds = {n: [rows / run.seconds for run in done] for n, done in runs.items()}
    busy = {
        n: [round(median(cores), 2) for cores in zip(*(r.busy for r in done), strict=True)]
        for n, done in runs.items()
    }
    return [
        of_ratios(
            f"broadcast with {workers} workers / with 1, {mode}",
            "deliveries/s",
            speeds[workers],
            speeds[1],
            SECOND_WORKER if workers == 2 else 1.0,
            called=CHANNEL_CALLED if changes else NO_CHANNEL_CALLED,
            note=f"limit with 1: {_limit(*busy[1])}; with {workers}: {_limit(*busy[workers])}",
            more={"cores_busy_server_and_workers": busy},
        )
        for workers in WORKERS[1:]
    ]


class Effort(NamedTuple):
    """What one broadcast took."""

    seconds: float
    server: float
    """Processor seconds."""
    workers: float

    @property
    def busy(self) -> tuple[float, float]:
        """Cores, on average: the server's and the workers'."""
        return self.server / self.seconds, self.workers / self.seconds


def _effort(
    bench: EnginesBench, template: str, rows: int, workers: int, changes: Sequence[str]
) -> Effort:
    with (
        bench.stage.fresh(template) as dsn,
        Cluster(dsn, workers, changes=changes).started() as running,
    ):
        running.broadcast(MOVIES.category, MOVIES.count * CHANNELS)
        server, own = bench.stage.processor_seconds(), running.processor_seconds()
        seconds = running.broadcast("sports", rows)
        return Effort(
            seconds,
            bench.stage.processor_seconds() - server,
            running.processor_seconds() - own,
        )


def _limit(server: float, workers: float) -> str:
    """Which part cannot do more, by the cores that they keep busy."""
    cores = os.cpu_count() or 1
    if server + workers > FULL * cores:
        limit = f"all {cores} cores"
    elif max(server, workers) > FULL:
        limit = "the server" if server > workers else "the worker"
    else:
        limit = "waiting for answers"
    return f"{limit} (cores busy: server {server:.2f}, workers {workers:.2f})"


def growth(bench: EnginesBench) -> list[Figure]:
    """Time per delivery, from small audiences to large ones, by more and more workers."""
    sizes: Sequence[int] = [n for n in AUDIENCES if n <= bench.people * CHANNELS]
    template = audiences(bench.stage, sizes)
    taken: dict[int, dict[int, list[float]]] = {w: {n: [] for n in sizes} for w in WORKERS}
    for _ in range(bench.rounds):
        for workers in WORKERS:
            with bench.stage.fresh(template) as dsn, Cluster(dsn, workers).started() as running:
                for category, deliveries in zip(CATEGORIES, sizes, strict=False):
                    running.broadcast(category, deliveries)
                    taken[workers][deliveries].append(running.broadcast(category, deliveries))
    return [_growth(workers, taken[workers], bench.rounds) for workers in WORKERS]


def _growth(workers: int, taken: Mapping[int, Sequence[float]], rounds: int) -> Figure:
    each = {n: median(seconds) / n * 1e6 for n, seconds in taken.items()}
    largest, smallest = max(each), min(each)
    ratio = each[largest] / each[smallest]
    every = ", ".join(f"{each[n]:.3g} us at {n:,}" for n in sorted(each, reverse=True))
    return Figure(
        f"time per delivery at {largest:,} / at {smallest:,}, workers: {workers}",
        each[largest],
        "us/delivery",
        each[smallest],
        ratio,
        "<= 1.1 x",
        ratio <= 1.1,
        rounds,
        note=f"log mode, SKIP LOCKED, the second broadcast of each: {every}",
        more={"us_per_delivery": each, "seconds": dict(taken)},
    )


def audiences(stage: Stage, sizes: Sequence[int]) -> str:
    """A category for each size of broadcast."""
    groups = [Group(name, n // CHANNELS) for name, n in zip(CATEGORIES, sizes, strict=False)]
    return stage.template(f"audiences_{len(groups)}", groups)
