"""One message to half a million people on two channels."""

import time
from statistics import median
from typing import Any

from benchmarks.bench import BROADCAST_ROWS, FINANCE, SPORTS, Bench, reference
from benchmarks.composition import Order
from benchmarks.figures import CHANNEL_CALLED, NO_CHANNEL_CALLED, Called, Figure, of_ratios
from benchmarks.machine import reset_peak, resident_bytes
from benchmarks.served import Served, served
from notefly.adapters.sqlite.connection import store_path

MEGABYTE = 1_000_000
MOST_MEGABYTES = 60
SETTLED_SECONDS = 1.0
"""After the start: what a process that does nothing takes is measured first."""
SMALL_ROWS = FINANCE.count * 2
SMALL_ONES = 30
SLOPE = 1.1


def alike(bench: Bench) -> list[Figure]:
    """Log mode: nobody is called; and what it does to the broker's memory."""
    speed, memory = _against_plain(bench, "log", 0.7, NO_CHANNEL_CALLED)
    grown = median(memory)
    return [
        speed,
        Figure(
            "peak memory of the broker through the broadcast, over idle",
            grown,
            "MB",
            None,
            None,
            f"<= {MOST_MEGABYTES} MB",
            grown <= MOST_MEGABYTES,
            len(memory),
            note="resident (VmHWM after a reset, less VmRSS before)",
            more={"rounds": memory},
        ),
    ]


def called(bench: Bench) -> list[Figure]:
    """Each hand-over is given to a channel in process, which answers for every recipient."""
    speed, memory = _against_plain(bench, "called", 0.3, CHANNEL_CALLED)
    speed.more["peak_megabytes"] = memory  # type: ignore[index]
    return [speed]


def _against_plain(
    bench: Bench, channels: str, at_least: float, called: Called
) -> tuple[Figure, list[float]]:
    product, plain, memory, groups = [], [], [], []
    for _ in range(bench.rounds):
        order = Order("", channels=channels)
        with bench.crowd(order) as folder:
            with served(Order(str(folder), channels=channels)) as broker:
                done, grown = _broadcast(broker)
            memory.append(grown)
        product.append(BROADCAST_ROWS / done["seconds"])
        groups.append(BROADCAST_ROWS / done["recording_commits"])
        with bench.crowd(order) as folder:
            least = reference(
                "broadcast",
                path=str(store_path(folder)),
                category=SPORTS.category,
                rows_per_commit=round(groups[-1]),
            )
            assert least["rows"] == BROADCAST_ROWS, least
            plain.append(BROADCAST_ROWS / least["seconds"])
    how = "log mode" if called == NO_CHANNEL_CALLED else "a channel that answers per recipient"
    name = f"broadcast to 500,000 x 2 channels, {how} / INSERT … SELECT, same rows per commit"
    more = {"rows_per_commit": groups}
    return of_ratios(
        name, "deliveries/s", product, plain, at_least, called=called, more=more
    ), memory


def _broadcast(broker: Served) -> tuple[dict[str, Any], float]:
    time.sleep(SETTLED_SECONDS)
    idle = resident_bytes(broker.process.pid)
    reset_peak(broker.process.pid)
    done = broker.ask("broadcast", category=SPORTS.category, rows=BROADCAST_ROWS)
    peak = resident_bytes(broker.process.pid, "VmHWM")
    return done, (peak - idle) / MEGABYTE


def slope(bench: Bench) -> list[Figure]:
    """A delivery of a large broadcast may not cost more than one of a small broadcast."""
    large, small = [], []
    for _ in range(bench.rounds):
        order = Order("")
        with bench.crowd(order) as folder, served(Order(str(folder))) as broker:
            small_ones = [_seconds(broker, FINANCE.category, SMALL_ROWS) for _ in range(SMALL_ONES)]
            large.append(_seconds(broker, SPORTS.category, BROADCAST_ROWS) * 1e6)
            small.append(median(small_ones[SMALL_ONES // 3 :]) * 1e6)
    ratio = median(a / b for a, b in zip(large, small, strict=True))
    return [
        Figure(
            "time per delivery at 1,000,000 / at 10,000",
            median(large),
            "us/delivery",
            median(small),
            ratio,
            f"<= {SLOPE} x",
            ratio <= SLOPE,
            len(large),
            note=f"log mode, warmed up; 10,000: median of {SMALL_ONES - SMALL_ONES // 3}",
            more={"rounds": [list(pair) for pair in zip(large, small, strict=True)]},
        )
    ]


def _seconds(broker: Served, category: str, rows: int) -> float:
    return float(broker.ask("broadcast", category=category, rows=rows)["seconds"]) / rows
