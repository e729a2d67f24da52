"""What may not grow, looked at every few seconds from outside."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.machine import proportional_bytes
from benchmarks.soak.load import Load
from benchmarks.soak.trend import Trend, trend
from tests.faults.product import Product
from tests.support.yardstick import Flush

SAMPLE_SECONDS = 5.0
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Kind:
    """Something that is sampled, and when it is called flat."""

    name: str
    unit: str
    share: float
    """Of the mean in ten minutes, that it may grow by."""
    least: float
    """In its unit in an hour: less is nothing."""
    judged: bool = True
    """Times of their own are told only: they are the machine's as much as the product's."""


KINDS = (
    Kind("memory of the broker (PSS)", "MB", 0.05, 6.0),
    Kind("memory of channel processes (PSS)", "MB", 0.05, 6.0),
    Kind("file handles of all", "", 0.05, 6.0),
    Kind("WAL", "MB", 0.05, 6.0),
    Kind("publish p99", "ms", 0.05, 6.0, judged=False),
    Kind("p99 of a flush beside it", "ms", 0.05, 6.0, judged=False),
    Kind("publish p99 / flush beside it", "", 0.05, 1.0),
    Kind("queue depth", "batches", 0.05, 6.0),
)


@dataclass(slots=True)
class Gauges:
    """Samples of every kind."""

    product: Product
    load: Load
    flushes: list[Flush]
    """Those beside the load, which is timed from when it was due as well; a sample takes them."""
    wal: Path
    at: list[float] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def watch(self, seconds: float) -> None:
        """For so long."""
        began = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            await asyncio.sleep(min(SAMPLE_SECONDS, began + seconds - now))
            await self._sample(time.monotonic() - began)

    async def _sample(self, at: float) -> None:
        broker = self.product.pid
        channels = [pid for pid in self.product.processes("channel") if pid != broker]
        taken, self.load.latencies = self.load.latencies, []
        beside, self.flushes[:] = self.flushes[:], []
        publish, flush = _p99_ms(taken), _p99_ms([one.since_due_seconds for one in beside])
        values = (
            proportional_bytes(broker) / MEGABYTE,
            sum(_memory(pid) for pid in channels) / MEGABYTE,
            sum(_handles(pid) for pid in (broker, *channels)),
            self.wal.stat().st_size / MEGABYTE if self.wal.exists() else 0.0,
            publish,
            flush,
            publish / flush if flush else 0.0,
            await self.load.queue(),
        )
        self.at.append(at)
        for kind, value in zip(KINDS, values, strict=True):
            self.samples[kind.name].append(value)


def trends(
    at: Sequence[float], samples: Mapping[str, Sequence[float]], warm_up_seconds: float
) -> Mapping[str, Trend]:
    """Of each kind, after the warm-up."""
    warm = sum(one < warm_up_seconds for one in at)
    return {kind.name: trend(at[warm:], samples[kind.name][warm:]) for kind in KINDS}


def table(slopes: Mapping[str, Trend]) -> Sequence[str]:
    """A line each, with its verdict."""
    lines = [f"{'':36}{'median':>10}{'slope/h':>10}{'95 %':>18}{'10 min':>9}  flat: <= 5 %"]
    for kind in KINDS:
        found = slopes[kind.name]
        likely = f"{found.low_per_hour:+.3g} to {found.high_per_hour:+.3g}"
        verdict = "yes" if flat(kind, found) else "NO"
        if verdict == "yes" and found.within_noise:
            verdict = "yes, within noise"
        verdict = verdict if kind.judged else "not judged"
        lines.append(
            f"{f'{kind.name}, {kind.unit}'.removesuffix(', '):36}{found.median:10.4g}"
            f"{found.per_hour:+10.3g}{likely:>18}{found.share:+9.1%}  {verdict}"
        )
    return lines


def flat(kind: Kind, found: Trend) -> bool:
    return not kind.judged or found.flat(kind.share, kind.least)


def _p99_ms(seconds: Sequence[float]) -> float:
    return percentile(seconds, 0.99) * 1e3 if seconds else 0.0


def _memory(pid: int) -> int:
    with suppress(OSError):
        return proportional_bytes(pid)
    return 0


def _handles(pid: int) -> int:
    with suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return 0
