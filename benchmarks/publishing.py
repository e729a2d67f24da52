"""Publishing one message a request, over HTTP."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.composition import Order
from benchmarks.figures import Figure, of_ratios
from benchmarks.load import CONNECTIONS, Answered, generator, press
from benchmarks.machine import fdatasync_seconds
from benchmarks.served import served

PRODUCT: dict[str, Any] = {}
RAW_STORED = {"app": "raw-stored", "engine": False}
RAW_PLANNED = {"app": "raw-stored"}
ALONE = {"group_of_one": True}
NO_STORAGE = {"instant": True, "engine": False}
RAW = {"app": "raw", "instant": True, "engine": False}
WARM_UP_SECONDS = 1
SLOWER = 1.3


def durable(bench: Bench) -> list[Figure]:
    """Against raw ASGI with the same accept and commit, and against a commit for each."""
    rounds = _rounds(bench, (PRODUCT, RAW_STORED, RAW_PLANNED, ALONE))
    product, raw, planned, alone = zip(*rounds, strict=True)
    p50, p99 = fdatasync_seconds(bench.shop.folder)
    synced = {"fdatasync_p50_ms": p50 * 1e3, "fdatasync_p99_ms": p99 * 1e3}
    more = {
        "generator": generator(),
        "against_raw_with_the_engine_planning_too": median(
            a / b for a, b in zip(product, planned, strict=True)
        ),
    }
    return [
        of_ratios(
            "durable publish over HTTP, 64 connections / raw ASGI, same writer and commit",
            "messages/s",
            product,
            raw,
            0.8,
            more=more,
            note="audience empty; the reference plans nothing (with its engine on: see more)",
        ),
        of_ratios(
            "durable publish / the same writer with a group of one",
            "messages/s",
            product,
            alone,
            5.0,
            more={"generator": generator(), **synced},
            note=f"fdatasync p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms",
        ),
        *(_waiting(bench, connections) for connections in (64, 256)),
    ]


def _waiting(bench: Bench, connections: int) -> Figure:
    """How long the slowest of a hundred waits, against raw ASGI with the same commit."""
    orders = (PRODUCT, RAW_STORED)
    rounds = [
        [_press(bench, o, connections).p99_milliseconds for o in orders]
        for _ in range(bench.rounds)
    ]
    product, raw = zip(*rounds, strict=True)
    ratio = median(a / b for a, b in zip(product, raw, strict=True))
    return Figure(
        f"p99 of a durable publish, {connections} connections / raw ASGI, same writer and commit",
        median(product),
        "ms",
        median(raw),
        ratio,
        f"<= {SLOWER} x",
        ratio <= SLOWER,
        len(product),
        note="closed loop: who is slower is also asked less often",
        more={"generator": generator(), "rounds": [list(pair) for pair in rounds]},
    )


def route(bench: Bench) -> list[Figure]:
    """Without storage: what HTTP, validation and the use case cost."""
    product, raw = zip(*_rounds(bench, (NO_STORAGE, RAW)), strict=True)
    return [
        of_ratios(
            "publish route without storage / raw ASGI that parses the same JSON",
            "requests/s",
            product,
            raw,
            0.6,
            more={"generator": generator()},
        )
    ]


def _rounds(bench: Bench, orders: Sequence[dict[str, Any]]) -> list[list[float]]:
    """Interleaved, each in a process and a store of its own."""
    return [[_press(bench, o).per_second for o in orders] for _ in range(bench.rounds)]


def _press(bench: Bench, order: dict[str, Any], connections: int = CONNECTIONS) -> Answered:
    with bench.shop.fresh() as folder, served(Order(str(folder), **order)) as broker:
        press(broker.url, WARM_UP_SECONDS, connections=connections)
        return press(broker.url, bench.press_seconds, connections=connections)
