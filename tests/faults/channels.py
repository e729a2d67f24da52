"""Channels that hang, raise, die, lie and shout, over HTTP and in their own process."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from notefly.bootstrap import verify
from notefly.config import Settings
from tests.faults import provider as http
from tests.faults.checker import Finding, Kind
from tests.faults.crowd import line, person
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.hurried import HURRIED
from tests.faults.link import NDJSON, Call, Link
from tests.faults.product import Place, Product
from tests.faults.provider import Provider
from tests.faults.witnesses import BRUTE, COURIER, Witnesses, rows_of

GOOD = "good"
GOOD_CHANNELS = ("sms", "recorder")
BAD_SHARE = 0.01
SLOW_HABITS = ("hang", "stop", "eat")
"""These cost a second and more each time: a few are enough."""
KILLING = ("exit", "quit", "scribble", "close")
FAILING = ("raise", "mute", "recurse", "stranger", "wrong", "few", "verbose", "print")
LISTENERS = 20
BURST = 150
"""Good messages of one measurement of speed."""
SPEED = 0.8
PAIRS, MORE_PAIRS = 3, 9
MANY = 100_000
"""Deliveries with which bad channels are busy for long enough to be measured beside."""
ROUGHLY = 0.5
"""The speed that is judged where fewer are delivered: a few seconds on a busy machine."""
LINES = 5_000
DRAIN_SECONDS = 900.0


@dataclass(slots=True)
class Siege:
    """`bad` people on each bad channel, one broadcast to all of them, good traffic beside it."""

    place: Place
    rng: random.Random
    deliveries: int
    provider: Provider
    tally: Tally = field(default_factory=Tally)
    link: Link = field(init=False)
    token: str = field(init=False)
    people: dict[str, list[str]] = field(init=False)

    async def run(self) -> None:
        product = Product(
            self.place,
            (BRUTE, COURIER, GOOD),
            HURRIED,
            COURIER_PORT=str(self.provider.port),
            NOTEFLY_CHANNELS=",".join((BRUTE, COURIER, *GOOD_CHANNELS)),
            NOTEFLY_CHANNEL_SECONDS="2",
            NOTEFLY_CHANNEL_MEMORY="128",
        )
        self.link = Link(product.port)
        try:
            await product.ready()
            await self.register()
            await self.switch("pause")
            await self.publish([BRUTE, COURIER])
            await self.speed()
            await self.drain()
            await self.check(product)
        finally:
            await product.kill()

    async def register(self) -> None:
        token = f"{self.rng.getrandbits(32):08x}"
        self.token = token
        self.people = {
            BRUTE: [f"{habit}-{token}-{n}" for n, habit in enumerate(self.brutes())],
            COURIER: [f"{word}-{token}-{n}" for n, word in enumerate(self.couriers())],
            GOOD: [f"good-{n}" for n in range(LISTENERS)],
        }
        lines = [
            person(name, category, GOOD_CHANNELS if category == GOOD else [category])
            for category, names in self.people.items()
            for name in names
        ]
        for start in range(0, len(lines), LINES):
            body = "\n".join(lines[start : start + LINES]).encode()
            await self.ask(Call("POST", "/v1/subscribers", body, NDJSON))

    def brutes(self) -> list[str]:
        """Every habit once, then as many as the share allows, among those who are well."""
        number = self.deliveries - len(self.couriers())
        bad = [*SLOW_HABITS, *KILLING, *FAILING]
        more = max(0, int(number * BAD_SHARE) - len(bad))
        bad += self.rng.choices(KILLING, k=more // 5) + self.rng.choices(
            FAILING, k=more - more // 5
        )
        people = bad + ["well"] * (number - len(bad))
        self.rng.shuffle(people)
        return people

    def couriers(self) -> list[str]:
        return list(http.REPLIES) * max(2, min(20, self.deliveries // 5_000))

    async def publish(self, categories: Sequence[str]) -> None:
        lines = [line(one, "to everybody") for one in categories]
        await self.ask(Call("POST", "/v1/messages", "\n".join(lines).encode(), NDJSON))

    async def switch(self, verb: str) -> None:
        for channel in (BRUTE, COURIER):
            await self.ask(Call("POST", f"/v1/channels/{channel}/{verb}"))

    async def speed(self) -> None:
        """Bursts with and without the bad neighbours in turn; a doubtful ratio is looked at again.

        Once the neighbours have no work left they are no neighbours: it ends there.
        """
        await self.burst()
        alone: list[float] = []
        beside: list[float] = []
        while len(alone) < MORE_PAIRS:
            alone.append(await self.burst())
            await self.switch("resume")
            beside.append(await self.burst())
            if not self.left():
                beside.pop()
                break
            await self.switch("pause")
            if len(alone) >= PAIRS and median(beside) >= SPEED * median(alone):
                break
        await self.switch("resume")
        if not beside:
            self.tally.measured["others' speed"] = "not measured"
            if self.deliveries >= MANY:
                self.find(Kind.ERROR, "the others' speed beside bad channels was never measured")
            return
        ratio = median(beside) / median(alone)
        least = SPEED if self.deliveries >= MANY else ROUGHLY
        told = f"{ratio:.0%} of {median(alone):,.0f}/s (≥ {least:.0%}, N {len(beside)} bursts)"
        self.tally.measured["others' speed"] = told
        if ratio < least:
            self.find(Kind.SLOW, f"beside bad channels the others have {told}")

    async def burst(self) -> float:
        """Good deliveries a second, from the first request to the last record."""
        began = time.perf_counter()
        good = line(GOOD, "good")
        for _ in range(3):
            body = "\n".join([good] * (BURST // 3)).encode()
            await self.ask(Call("POST", "/v1/messages", body, NDJSON))
        number = BURST * LISTENERS * len(GOOD_CHANNELS)
        while self.left(GOOD):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
        self.tally.counts["good deliveries timed"] += number
        return number / (time.perf_counter() - began)

    async def drain(self) -> None:
        began = time.monotonic()
        deadline = began + DRAIN_SECONDS
        while (left := self.left()) and time.monotonic() < deadline:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
        self.tally.measured["drained in"] = f"{time.monotonic() - began:.0f} s"
        if left:
            self.find(Kind.STUCK, f"{left} messages have work left after {DRAIN_SECONDS:g} s")

    async def check(self, product: Product) -> None:
        witnesses = Witnesses(self.place, self.provider, self.people, self.token, self.tally)
        self.tally.findings += witnesses.findings()
        if words := await product.stop():
            self.find(Kind.ORPHAN, words)
        async for invariant, violation in verify(Settings(data_dir=self.place.data)):
            self.tally.counts["invariants checked"] += 1
            if violation is not None:
                self.find(Kind.INVARIANT, f"{invariant}: {violation.detail}")

    def find(self, kind: Kind, detail: str) -> None:
        self.tally.findings.append(Finding(kind, detail))

    async def ask(self, call: Call) -> Any:
        answer = await self.link.ask(call)
        assert answer.status in (200, 201, 202), answer
        return answer.body

    def left(self, category: str | None = None) -> int:
        """Messages with work left."""
        wanted = "g.name <> 'good'" if category is None else "g.name = 'good'"
        return int(self.rows(LEFT.format(wanted=wanted))[0][0])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return rows_of(self.place, sql)


LEFT = """
SELECT count(*) FROM (SELECT message FROM unplanned UNION SELECT message FROM batch WHERE state < 3)
JOIN message m ON m.key = message JOIN category g ON g.key = m.category WHERE {wanted}
"""


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """`rounds` deliveries on bad channels, of which one in a hundred has a bad end."""
    async with Provider() as provider:
        siege = Siege(Place.make(root / "place"), random.Random(seed), rounds, provider)
        siege.tally.rounds = rounds
        await siege.run()
        return siege.tally


FAULT = Fault(
    name="channels",
    expected="deadline, bounded read, right class of retry; others flow at 80 % speed or more",
    rounds=Rounds(ci=2_000, short=100_000, long=1_000_000),
    run=run,
)
