"""Publish at ten times what can be delivered; a round is a second of it.

The one channel takes so many recipients a second. Whoever publishes does not slow down when told
to: the broker has to stay within its memory and its log, and to keep all that it took.
"""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from tests.faults.checker import Finding, Kind
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.link import Link, NoAnswer
from tests.faults.load import World
from tests.faults.product import CHANNEL, Product
from tests.faults.siege import Siege
from tests.support.memory import MEBIBYTE, resident

BROKER = ("-m", "notefly", "broker")
CATEGORY = "goals"
AUDIENCE = 20
DRAIN_PER_SECOND = 200
TIMES = 10
OFFERED = 9.0
OFFERED_SECONDS = 60
"""From there on the flood must have been one: a short one may be the clients' own start."""
BACKLOG = 1_000
SETTINGS = {
    "RECORDER_PER_SECOND": str(DRAIN_PER_SECOND),
    "NOTEFLY_BACKLOG": str(BACKLOG),
    # Of 100 requests a second so many pass, six times what can be delivered: both limits are met.
    "NOTEFLY_RATE_LIMIT": "60/second",
}
CLIENTS = 8
WARM_UP = 0.4
"""Of the time, until memory is looked at for the first time."""
MEMORY_RATIO = 1.10
WAL_BYTES = 64 * MEBIBYTE
SAMPLE_SECONDS = 0.25
DRAIN_SECONDS = 3 * BACKLOG / DRAIN_PER_SECOND + 30


@dataclass(slots=True)
class Flood:
    """Publishes at a steady rate, whatever the answers are."""

    world: World
    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    mute: Counter[int] = field(default_factory=Counter)
    """Refusals that do not say when to come back."""
    offered: float = 0.0
    """Recipients a second, in times of what can be delivered."""
    _number: int = 0

    async def run(self, seconds: float) -> None:
        """So long."""
        began = time.monotonic()
        end = began + seconds
        await asyncio.gather(*(self._client(end) for _ in range(CLIENTS)))
        drained = DRAIN_PER_SECOND * (time.monotonic() - began)
        self.offered = self._number * AUDIENCE / drained

    async def _client(self, end: float) -> None:
        link = Link(self.port)
        pause = CLIENTS * AUDIENCE / (DRAIN_PER_SECOND * TIMES)
        due = time.monotonic()
        while due < end:
            await self._publish(link)
            due = max(due + pause, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        link.close()

    async def _publish(self, link: Link) -> None:
        self._number += 1
        line = (CATEGORY, None, f"{self.world.name} {self._number} " + "x" * 500)
        asked = self.world.log.publish([line], None)
        expecting = {**asked.payload, "expected": [202, 429, 503]}
        try:
            answer = await self.world.log.send(link, replace(asked, payload=expecting))
        except NoAnswer as error:
            self.world.cut.append(str(error))
            return
        self.statuses[answer.status] += 1
        if answer.status != 202 and not answer.headers.get("retry-after", "").isdigit():
            self.mute[answer.status] += 1


@dataclass(slots=True)
class Gauge:
    """Memory and log of a broker under load."""

    pid: int
    log: Path
    warm: int = 0
    largest: int = 0
    log_bytes: int = 0

    async def watch(self, seconds: float) -> None:
        """So long; memory counts once the process has warmed up."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            await asyncio.sleep(SAMPLE_SECONDS)
            if self.log.exists():
                self.log_bytes = max(self.log_bytes, self.log.stat().st_size)
            if passed > WARM_UP * seconds:
                found = resident(self.pid)
                self.warm = self.warm or found
                self.largest = max(self.largest, found)

    @property
    def ratio(self) -> float:
        return self.largest / self.warm

    def findings(self) -> list[Finding]:
        """What was not bounded."""
        found = []
        if self.ratio > MEMORY_RATIO:
            found.append(Finding(Kind.BOUND, f"memory grew {self.ratio:.2f} x"))
        if self.log_bytes > WAL_BYTES:
            told = f"the WAL grew to {self.log_bytes / MEBIBYTE:.0f} MiB"
            found.append(Finding(Kind.BOUND, told))
        return found


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    siege = Siege.begin(root / "store", f"overload-{seed}", BROKER)
    product = Product(siege.place, ("all", CATEGORY), BROKER, **SETTINGS)
    tally = Tally(rounds=rounds)
    try:
        await product.ready()
        await siege.world.send_all(product.port, [siege.world.log.register_many(_audience())])
        flood = Flood(siege.world, product.port)
        path = store_path(siege.place.data)
        gauge = Gauge(product.pid, path.with_name(path.name + "-wal"))
        await asyncio.gather(flood.run(rounds), gauge.watch(rounds))
        await siege.drain(DRAIN_SECONDS)
        tally.findings += _answers(flood) + gauge.findings()
        tally.findings += await siege.inspect(siege.place.data, drained=True)
        if words := await product.stop():
            tally.findings.append(Finding(Kind.ORPHAN, words))
    finally:
        await product.kill()
        siege.world.log.close()
    tally.counts.update({f"answers {status}": n for status, n in sorted(flood.statuses.items())})
    tally.counts.update(siege.counts)
    _offered(tally, flood.offered)
    tally.measured["memory"] = f"{gauge.ratio:.3f} x (≤ {MEMORY_RATIO:.2f} x)"
    wal = f"{gauge.log_bytes / MEBIBYTE:.1f} MiB (≤ {WAL_BYTES // MEBIBYTE})"
    tally.measured["largest WAL"] = wal
    if not tally.findings:
        shutil.rmtree(siege.place.root)
    return tally


def _offered(tally: Tally, times: float) -> None:
    """Whether the flood was one; in a short run it is only told."""
    tally.measured["offered"] = f"{times:.1f} x of what drains (≥ {OFFERED:g} x)"
    if tally.rounds >= OFFERED_SECONDS and times < OFFERED:
        told = f"only {times:.1f} x of what drains was offered: no overload"
        tally.findings.append(Finding(Kind.BOUND, told))


def _audience() -> Mapping[str, Mapping[str, object]]:
    choices = {"categories": [CATEGORY], "channels": [CHANNEL], "overrides": {}}
    return {f"follower-{number}": choices for number in range(AUDIENCE)}


def _answers(flood: Flood) -> list[Finding]:
    """Both limits were met, each refusal said when to come back, and everybody was answered."""
    found = [Finding(Kind.UNANSWERED, one) for one in flood.world.cut]
    unmet = [status for status in (429, 503) if not flood.statuses[status]]
    found += [Finding(Kind.BOUND, f"nobody was answered {status}") for status in unmet]
    for status, times in flood.mute.items():
        told = f"{times} answers of {status} did not say when to come back"
        found.append(Finding(Kind.UNDOCUMENTED, told))
    return found


FAULT = Fault(
    name="overload",
    expected="429/503 + Retry-After at the limit, memory flat (< 10 %), WAL bounded, 0 dropped",
    rounds=Rounds(ci=10, short=120, long=1_800),
    run=run,
)
