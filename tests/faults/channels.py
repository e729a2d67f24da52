"""Channels that hang, raise, die, lie and shout, over HTTP and in their own process."""

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from notefly_test_channels.brute import GIVEN_UP, HABITS, POISON

from notefly.adapters.sqlite.connection import open_reader, store_path
from notefly.bootstrap import verify
from notefly.config import Settings
from notefly.domain.outcome import RetryPolicy
from tests.faults import provider as http
from tests.faults.checker import Finding, Kind, parse_calls
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.hurried import HURRIED
from tests.faults.link import NDJSON, Call, Link
from tests.faults.product import Place, Product
from tests.faults.provider import Provider
from tests.faults.record import DEAD, DELIVERED

BRUTE, COURIER, GOOD = "brute", "courier", "good"
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
LINES = 5_000
DRAIN_SECONDS = 600.0
ROWS = """
SELECT c.name, p.id, d.state, d.reason, d.attempt, d.subscriber, d.detail FROM delivery d
JOIN channel c ON c.key = d.channel JOIN subscriber p ON p.key = d.subscriber
JOIN message m ON m.key = d.message JOIN category g ON g.key = m.category WHERE g.name <> 'good'
"""
DETAILS = """
SELECT detail FROM delivery WHERE detail IS NOT NULL UNION ALL SELECT detail FROM attempt
WHERE detail IS NOT NULL UNION ALL SELECT detail FROM handover WHERE detail IS NOT NULL
UNION ALL SELECT detail FROM earlier_round WHERE detail IS NOT NULL
"""
EXHAUSTED, REFUSED, POISONED = 0, 2, 3
"""Reasons as they stand in a row."""
DIED = re.compile(rb"^.*hand-over of \S+ failed.*$", re.MULTILINE)
TROUBLE = re.compile(rb"^.*(?:ERROR|CRITICAL|Traceback).*$", re.MULTILINE)


class Ended(NamedTuple):
    """A row of the log about somebody on a bad channel."""

    channel: str
    who: str
    state: int
    reason: int | None
    attempt: int
    key: int
    detail: str | None

    @property
    def habit(self) -> str:
        return self.who.split("-")[0]


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
        lines = [json.dumps({"category": one, "body": "to everybody"}) for one in categories]
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
            return
        ratio = median(beside) / median(alone)
        told = f"{ratio:.0%} of {median(alone):,.0f}/s (≥ {SPEED:.0%}, N {len(beside)} bursts)"
        self.tally.measured["others' speed"] = told
        if ratio < SPEED:
            self.find(Kind.SLOW, f"beside bad channels the others have {told}")

    async def burst(self) -> float:
        """Good deliveries a second, from the first request to the last record."""
        began = time.perf_counter()
        line = json.dumps({"category": GOOD, "body": "good"})
        for _ in range(3):
            body = "\n".join([line] * (BURST // 3)).encode()
            await self.ask(Call("POST", "/v1/messages", body, NDJSON))
        number = BURST * LISTENERS * len(GOOD_CHANNELS)
        while self.left(GOOD):
            await asyncio.sleep(0.01)
        self.tally.counts["good deliveries timed"] += number
        return number / (time.perf_counter() - began)

    async def drain(self) -> None:
        began = time.monotonic()
        while (left := self.left()) and time.monotonic() - began < DRAIN_SECONDS:
            await asyncio.sleep(0.1)
        self.tally.measured["drained in"] = f"{time.monotonic() - began:.0f} s"
        if left:
            self.find(Kind.STUCK, f"{left} messages have work left after {DRAIN_SECONDS:g} s")

    async def check(self, product: Product) -> None:
        rows = [Ended(*row) for row in self.rows(ROWS)]
        for finding in (*self.endings(rows), *self.calls(rows), *self.posts(), *self.words(rows)):
            self.tally.findings.append(finding)
        if words := await product.stop():
            self.find(Kind.ORPHAN, words)
        async for invariant, violation in verify(Settings(data_dir=self.place.data)):
            self.tally.counts["invariants checked"] += 1
            if violation is not None:
                self.find(Kind.INVARIANT, f"{invariant}: {violation.detail}")

    def endings(self, rows: Sequence[Ended]) -> Iterator[Finding]:
        """Everybody has one row, and it ended as it had to."""
        found = Counter((row.channel, row.who) for row in rows)
        wanted = {(channel, who) for channel in (BRUTE, COURIER) for who in self.people[channel]}
        for channel, who in wanted - found.keys():
            yield Finding(Kind.LOST, f"{who} has no delivery on {channel}")
        self.tally.counts["deliveries"] += len(rows)
        for row in rows:
            state, reason = EXPECTED[row.channel].get(row.habit, (DELIVERED, None))
            if (row.state, row.reason) != (state, reason):
                told = f"{row.who} on {row.channel} ended as {row.state} ({row.reason})"
                yield Finding(Kind.TORN, f"{told}, not {state} ({reason}): {row.detail}")
            if row.state == DEAD:
                self.tally.counts["dead letters"] += 1

    def calls(self, rows: Sequence[Ended]) -> Iterator[Finding]:
        """Attempts are numbered once, and none is called beyond them (I5)."""
        calls = parse_calls(
            "\n".join(
                line for line in self.place.calls.read_text().splitlines() if f".{BRUTE}." in line
            ),
            BRUTE,
        )
        called: dict[int, Sequence[int]] = {}
        for by_person in calls.values():
            called |= by_person
        for row in rows:
            if row.channel != BRUTE:
                continue
            numbers = called.get(row.key, ())
            self.tally.counts["calls"] += len(numbers)
            if len(numbers) != len(set(numbers)) or max(numbers, default=0) > row.attempt:
                told = f"{row.who} was called for {list(numbers)} in {row.attempt} attempts"
                yield Finding(Kind.OVER_CALLED, told)
            if row.state == DELIVERED and row.attempt not in numbers:
                yield Finding(Kind.LOST, f"{row.who} is delivered, called for {list(numbers)}")

    def posts(self) -> Iterator[Finding]:
        """What the provider saw: the right class of retry, Retry-After, one key for each."""
        attempts = RetryPolicy().attempts
        for address in self.people[COURIER]:
            habit, seen = address.split("-")[0], self.provider.seen[address]
            self.tally.counts["posts"] += len(seen)
            least, most = POSTS.get(habit, (1, attempts))
            if not least <= len(seen) <= most:
                yield Finding(Kind.OVER_CALLED, f"{address} was posted to {len(seen)} times")
            if len(self.provider.keys[address]) > 1:
                yield Finding(Kind.ALTERED, f"{address} was posted to under several keys")
            if self.provider.accepted[address] != (habit in http.DELIVERED):
                told = f"{self.provider.accepted[address]} times"
                yield Finding(Kind.OVER_CALLED, f"{address} was accepted {told}")
            not_before = self.provider.not_before.get(address)
            if not_before is not None and any(at < not_before for at in seen[1:]):
                yield Finding(Kind.OVER_CALLED, f"{address} was posted to before its Retry-After")
        if self.provider.sent_bytes > http.ENDLESS_BYTES // 10:
            told = f"{self.provider.sent_bytes:,} bytes were read"
            yield Finding(Kind.ERROR, f"{told} of a body without an end")

    def words(self, rows: Sequence[Ended]) -> Iterator[Finding]:
        """What was printed and kept: bounded, few deaths, and no address in it."""
        words = self.place.words.read_bytes()
        deaths = len(DIED.findall(words))
        killers = sum(row.reason == POISONED for row in rows)
        bound = 3 * killers + 2 * (len(rows) // 1_000 + 1)
        self.tally.measured["processes that died"] = f"{deaths} (≤ {bound})"
        if deaths > bound:
            yield Finding(Kind.ERROR, f"{deaths} processes died of {killers} people")
        for match in TROUBLE.findall(words)[:10]:
            yield Finding(Kind.ERROR, match.decode(errors="replace"))
        leaks = [line for line in words.splitlines() if self.token.encode() in line]
        details = [row[0] for row in self.rows(DETAILS)]
        self.tally.counts["details searched"] += len(details)
        for text in (*leaks, *(one for one in details if self.token in one)):
            yield Finding(Kind.LEAK, f"an address is kept: {text!r:.200}")

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
        connection = open_reader(str(store_path(self.place.data)))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


LEFT = """
SELECT count(*) FROM (SELECT message FROM unplanned UNION SELECT message FROM batch WHERE state < 3)
JOIN message m ON m.key = message JOIN category g ON g.key = m.category WHERE {wanted}
"""
EXPECTED: Mapping[str, Mapping[str, tuple[int, int | None]]] = {
    BRUTE: {habit: (DEAD, POISONED) for habit in POISON}
    | {habit: (DEAD, EXHAUSTED) for habit in GIVEN_UP}
    | {"verbose": (DEAD, REFUSED)},
    COURIER: {habit: (DEAD, REFUSED) for habit in http.REFUSED}
    | {habit: (DEAD, EXHAUSTED) for habit in http.EXHAUSTED},
}
POSTS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(http.REFUSED | {"ok", "endless"}, (1, 1)),
    **dict.fromkeys({"busy", "dated", "reset"}, (2, 2)),
    **dict.fromkeys({"s408", "s425", "s500", "s502", "s503"}, (3, 3)),
    **dict.fromkeys(http.EXHAUSTED, (RetryPolicy().attempts, RetryPolicy().attempts)),
}
assert POISON | GIVEN_UP >= HABITS.keys() - {"print"}, "every habit has its expected end"


def person(name: str, category: str, channels: Sequence[str]) -> str:
    addresses = {"box": name, "phone": "+4915112345678"}
    return json.dumps(
        {
            "id": name,
            "name": f"Name of {name}",
            "addresses": addresses,
            "categories": [category],
            "channels": list(channels),
        }
    )


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
