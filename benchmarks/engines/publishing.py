"""Publishing one message a request, over HTTP."""

from benchmarks.engines.bench import EnginesBench
from benchmarks.engines.processes import Cluster
from benchmarks.figures import Figure, of_ratios
from benchmarks.load import generator, press

WARM_UP_SECONDS = 1


def durable(bench: EnginesBench) -> list[Figure]:
    """What is accepted together, against a transaction for each request, on the same pool."""
    product: list[float] = []
    alone: list[float] = []
    template = bench.stage.template("empty", [])
    for _ in range(bench.rounds):
        for speeds, changes in ((product, ()), (alone, ("one-each",))):
            with (
                bench.stage.fresh(template) as dsn,
                Cluster(dsn, workers=0, changes=changes).started() as running,
            ):
                press(running.url, WARM_UP_SECONDS)
                speeds.append(press(running.url, bench.press_seconds).per_second)
    return [
        of_ratios(
            "durable publish over HTTP, PostgreSQL, 64 connections / one transaction per request",
            "messages/s",
            product,
            alone,
            3.0,
            note="audience empty; same broker, same pool of connections",
            more={"generator": generator()},
        )
    ]
