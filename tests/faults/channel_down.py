"""One channel is down with everything on it queued: the others must not notice."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.figures import percentile
from notefly.bootstrap import verify
from notefly.config import Settings
from tests.faults.checker import Finding, Kind
from tests.faults.crowd import line, person
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.link import NDJSON, Call, Link
from tests.faults.product import Place, Product
from tests.faults.switched import DOWN, WAYS, Backlog
from tests.faults.witnesses import rows_of
from tests.support.yardstick import Flush, flushes

BROKER = ("-m", "notefly", "broker")
BROADCAST, SINGLE, GOOD = "broadcast", "single", "good"
GOOD_CHANNELS = ("sms", "recorder")
LINES = 10_000
SINGLES = 10
"""One in so many of what is queued is a message of its own: a batch of one."""
PROBES = 500
EVERY_SECONDS = 0.012
BOUND = 2.0
ROUGHLY = 10.0
"""The bound where little is queued: a few seconds on a machine that may be busy."""
TRIES = 3
MANY = 100_000
"""Queued deliveries from which on every way of being down is tried, and not only one."""
MEMORY_MIB = 512
"""A million deliveries, a hundred thousand of them in batches of their own."""
FLOOR_SECONDS = 0.010
"""Below it a ratio of two p99s tells of the machine, and not of the product."""
DRAIN_SECONDS = 60.0


@dataclass(slots=True)
class Probe:
    """Small messages on the good channels, one after the other at a steady rate."""

    answered: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    flushed: list[Flush] = field(default_factory=list)
    """Of a file beside them."""

    @property
    def flush_seconds(self) -> float:
        return percentile((flush.took_seconds for flush in self.flushed), 0.99)


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """`rounds` deliveries are queued on the channel that is down, in the way the seed draws."""
    return await Down(Place.make(root / "place"), random.Random(seed), rounds).run()


class Down:
    def __init__(self, place: Place, rng: random.Random, queued: int) -> None:
        self._place = place
        self._rng = rng
        self._queued = queued
        self._tally = Tally(queued)
        self._switch = place.witnesses / "switch"
        ways = rng.sample(WAYS, len(WAYS))
        self._ways = ways if queued >= MANY else ways[:1]
        self._bound = BOUND if queued >= MANY else ROUGHLY
        self._way = "up"
        self._backlog = Backlog(place)

    async def run(self) -> Tally:
        self._switch.write_text("up")
        product = Product(
            self._place,
            (BROADCAST, SINGLE, GOOD),
            BROKER,
            SWITCH_FILE=str(self._switch),
            NOTEFLY_CHANNELS=f"{DOWN},{','.join(GOOD_CHANNELS)}",
            NOTEFLY_CHANNEL_SECONDS="1",
        )
        try:
            await product.ready()
            self._link = Link(product.port)
            await self._through(product)
        finally:
            await product.kill()
        return self._tally

    async def _through(self, product: Product) -> None:
        await self._register()
        await self._probe("warm up", PROBES // 4)
        before = await self._probe("before", PROBES)
        lean = resident_mib(product.pid)
        await self._be(self._ways[0])
        await self._queue()
        for way in self._ways:
            await self._be(way)
            await self._compare(before)
            self._mourn(way)
        full = resident_mib(product.pid)
        self._tally.measured["memory"] = f"{lean:.0f} → {full:.0f} MiB (≤ + {MEMORY_MIB})"
        if full > lean + MEMORY_MIB:
            self._find(Kind.SLOW, f"the broker grew from {lean:.0f} to {full:.0f} MiB")
        await self._come_back()
        async for invariant, violation in verify(Settings(data_dir=self._place.data)):
            self._tally.counts["invariants checked"] += 1
            if violation is not None:
                self._find(Kind.INVARIANT, f"{invariant}: {violation.detail}")

    async def _register(self) -> None:
        people = max(100, min(10_000, self._queued // 100))
        self._broadcasts = self._queued * (SINGLES - 1) // SINGLES // people
        lines = [person(f"p{n}", BROADCAST, [DOWN]) for n in range(people)]
        lines += [person("alone", SINGLE, [DOWN]), person("good", GOOD, GOOD_CHANNELS)]
        for start in range(0, len(lines), LINES):
            body = "\n".join(lines[start : start + LINES])
            await self._ask(Call("POST", "/v1/subscribers", body.encode(), NDJSON))

    async def _be(self, way: str) -> None:
        if way == self._way:
            return
        if self._way == "pause":
            await self._ask(Call("POST", f"/v1/channels/{DOWN}/resume"))
        if way == "pause":
            await self._ask(Call("POST", f"/v1/channels/{DOWN}/pause"))
        else:
            self._switch.write_text(way)
        self._way = way

    async def _queue(self) -> None:
        began = time.monotonic()
        lines = [line(BROADCAST, n) for n in range(self._broadcasts)]
        lines += [line(SINGLE, n) for n in range(self._queued // SINGLES)]
        for start in range(0, len(lines), LINES):
            body = "\n".join(lines[start : start + LINES]).encode()
            await self._ask(Call("POST", "/v1/messages", body, NDJSON))
        while self._value("SELECT count(*) FROM unplanned"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        self._tally.counts["deliveries queued"] += self._backlog.waiting()
        self._tally.measured["queued in"] = f"{time.monotonic() - began:.0f} s"

    async def _probe(self, name: str, number: int) -> Probe:
        probe, sent = Probe(), {}
        due = time.monotonic()
        async with flushes(self._place.root / "flushed") as probe.flushed:
            for count in range(number):
                due += EVERY_SECONDS * self._rng.uniform(0.5, 1.5)
                await asyncio.sleep(due - time.monotonic())
                began, at = time.perf_counter(), time.time()
                body = line(GOOD, f"{name} {count}").encode()
                answer = await self._ask(Call("POST", "/v1/messages", body))
                probe.answered.append(time.perf_counter() - began)
                sent[answer["id"]] = at
        self._tally.counts["messages timed"] += number
        probe.delivered = await self._delivered(sent)
        return probe

    async def _delivered(self, sent: dict[str, float]) -> list[float]:
        """When the last of a message's attempts on the good channels ended."""
        ended: dict[str, float] = {}
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            rows = rows_of(self._place, ENDED)
            ended = {str(UUID(bytes=message)): at / 1e6 for message, at, n in rows if n == 2}
            if sent.keys() <= ended.keys():
                return [ended[message] - at for message, at in sent.items()]
            await asyncio.sleep(0.05)
        self._find(Kind.STUCK, f"{len(sent.keys() - ended.keys())} messages on good channels")
        return [DRAIN_SECONDS]

    async def _compare(self, before: Probe) -> None:
        """A p99 that is doubtful is measured again: the machine has its moods too."""
        slow: Sequence[str] = ()
        for tries in range(1, TRIES + 1):
            slow = self._slow(before, await self._probe(self._way, PROBES), tries)
            if not slow:
                return
        for told in slow:
            self._find(Kind.SLOW, f"{DOWN} is down ({self._way}): {told}")

    def _slow(self, before: Probe, during: Probe, tries: int) -> Sequence[str]:
        """What is. A disk that is as slow for a bare flush is no finding; both times are told."""
        slow: list[str] = []
        flush = during.flush_seconds
        beside = f"flush {before.flush_seconds * 1e3:.1f} → {flush * 1e3:.1f} ms"
        for what, earlier, later in (
            ("publish", before.answered, during.answered),
            ("delivered", before.delivered, during.delivered),
        ):
            one, other = percentile(earlier, 0.99), percentile(later, 0.99)
            bound = f"≤ {self._bound:g} times, N {PROBES}, try {tries} of {TRIES}"
            told = f"{one * 1e3:.1f} ms → {other * 1e3:.1f} ms, {beside} ({bound})"
            self._tally.measured[f"{what} p99, {self._way}"] = told
            if other > self._bound * max(one, FLOOR_SECONDS, flush):
                slow.append(f"{what} p99 {told}")
        return slow

    async def _come_back(self) -> None:
        """It drains: at least some, and all of it where there is the time."""
        left, before = self._backlog.waiting(), self._backlog.delivered()
        await self._be("up")
        self._switch.write_text("up")
        deadline = time.monotonic() + DRAIN_SECONDS
        while (now := self._backlog.waiting()) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)
        self._mourn("up")
        delivered = self._backlog.delivered() - before
        self._tally.measured["drained"] = f"{delivered:,} delivered of {left:,}, {now:,} wait"
        if left and not delivered:
            self._find(Kind.STUCK, f"{DOWN} came back, and none of {left} was delivered")

    def _mourn(self, way: str) -> None:
        """Being down explains some dead letters, and no others."""
        dead, unexplained = self._backlog.deaths(way)
        self._tally.counts[f"dead, {way}"] += dead
        if unexplained:
            told = f"{unexplained} of {dead} deliveries while {DOWN} was down ({way})"
            self._find(Kind.DEAD, told)

    def _find(self, kind: Kind, detail: str) -> None:
        self._tally.findings.append(Finding(kind, detail))

    async def _ask(self, call: Call) -> Any:
        answer = await self._link.ask(call)
        assert answer.status in (200, 201, 202), answer
        return answer.body

    def _value(self, sql: str) -> Any:
        return rows_of(self._place, sql)[0][0]


ENDED = """
SELECT m.id, max(b.ended_at), count(*) FROM message m JOIN category c ON c.key = m.category
JOIN batch b ON b.message = m.key WHERE c.name = 'good' AND b.state = 3 GROUP BY m.key
"""


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


FAULT = Fault(
    name="channel-down",
    expected="one channel down, everything queued: others' p99 ≤ 2 times, or a flush's; it drains",
    rounds=Rounds(ci=20_000, short=1_000_000, long=3_000_000),
    run=run,
)
