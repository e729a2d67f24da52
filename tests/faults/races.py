"""People unsubscribe or are erased in the middle of a fan-out: soon after, nothing starts."""

import asyncio
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notefly.adapters.relational.rows import reason_code
from notefly.adapters.sqlite.connection import open_reader
from notefly.bootstrap import verify
from notefly.config import Settings
from notefly.domain.delivery import Reason
from tests.faults.checker import Finding, Kind
from tests.faults.client_log import profile
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.link import NDJSON, Answer, Call, Link
from tests.faults.product import BROKER, Place, Product
from tests.faults.record import CANCELLED, DELIVERED
from tests.faults.siege import drained

CHANNEL = "stamper"
CHANNELS = f"sms,email,push,{CHANNEL}"
CATEGORY = "goals"
PEOPLE = 600
RACES = 50
"""In one fan-out."""
SPREAD_SECONDS = 1.6
"""A fan-out takes some two seconds."""
LINKS = 10
BOUND_SECONDS = 1.0
WISHES = {"categories": [CATEGORY], "channels": [CHANNEL], "overrides": {}}
NOTHING: dict[str, Any] = {"categories": [], "channels": [], "overrides": {}}
ROWS = """
SELECT d.subscriber, d.state, d.reason FROM delivery d JOIN message m ON m.key = d.message
WHERE m.key = (SELECT max(key) FROM message)
"""


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody who is gone, and since when, in nanoseconds of CLOCK_MONOTONIC."""

    who: str
    key: int
    answered: int


class Races:
    """One store and one product for all of them."""

    def __init__(self, root: Path, seed: int) -> None:
        self._place = Place.make(root / "store")
        self._rng = random.Random(seed)
        self._gone: set[str] = set()
        self._read = 0
        self._latest = 0.0
        self.tally = Tally()

    async def run(self, races: int) -> Tally:
        """Fan-out after fan-out."""
        product = Product(self._place, (CATEGORY,), BROKER, NOTEFLY_CHANNELS=CHANNELS)
        try:
            await product.ready()
            await self._register(product.port)
            while self.tally.rounds < races:
                await self._fan_out(product.port, min(RACES, races - self.tally.rounds))
            await self._verify()
            if words := await product.stop():
                self._found(Kind.ORPHAN, words)
        finally:
            await product.kill()
        latest = f"{self._latest:.2f} s after the answer (bound {BOUND_SECONDS:g} s)"
        self.tally.measured["latest start"] = latest
        if not self.tally.counts["in the middle"]:
            self._found(Kind.ERROR, "nobody left in the middle of a fan-out: nothing was tested")
        return self.tally

    async def _register(self, port: int) -> None:
        names = (f"p-{number}" for number in range(PEOPLE))
        lines = (json.dumps(profile(who) | WISHES) for who in names)
        call = Call("POST", "/v1/subscribers", "\n".join(lines).encode(), NDJSON)
        await ask(Link(port), call)

    async def _fan_out(self, port: int, races: int) -> None:
        """Those who left the last time are back by now."""
        links = [Link(port) for _ in range(LINKS)]
        for who in sorted(self._gone):
            await ask(links[0], put(f"/v1/subscribers/{who}", profile(who) | WISHES))
        self._gone.clear()
        keys = dict(self._rows("SELECT id, key FROM subscriber WHERE id IS NOT NULL"))
        body = f"{self._rng.getrandbits(64):016x}"
        document = json.dumps({"category": CATEGORY, "body": body}).encode()
        await ask(links[0], Call("POST", "/v1/messages", document))
        leavers = self._rng.sample(sorted(keys), races)
        left = await self._leave(links, {who: keys[who] for who in leavers})
        await drained(self._place.data)
        for link in links:
            link.close()
        self._judge(left, self._stamps(), {row[0]: row[1:] for row in self._rows(ROWS)})

    async def _leave(self, links: list[Link], keys: dict[str, int]) -> list[Left]:
        """Spread over the fan-out, a part of them on each connection."""
        plan = sorted((self._rng.random() * SPREAD_SECONDS, who) for who in keys)
        began, left = time.monotonic(), list[Left]()

        async def client(link: Link, mine: list[tuple[float, str]]) -> None:
            for at, who in mine:
                await asyncio.sleep(max(0.0, began + at - time.monotonic()))
                await self._one(link, who)
                left.append(Left(who, keys[who], time.monotonic_ns()))

        await asyncio.gather(*(client(link, plan[n::LINKS]) for n, link in enumerate(links)))
        self._gone.update(keys)
        self.tally.rounds += len(left)
        return left

    async def _one(self, link: Link, who: str) -> None:
        if self._rng.random() < 0.5:
            self.tally.counts["erased"] += 1
            await ask(link, Call("DELETE", f"/v1/subscribers/{who}"))
        else:
            self.tally.counts["unsubscribed"] += 1
            await ask(link, put(f"/v1/subscribers/{who}/preferences", NOTHING))

    def _judge(
        self, left: list[Left], stamps: dict[int, int], rows: dict[int, tuple[Any, ...]]
    ) -> None:
        """The channel's log against the time of the answer, and the store against both."""
        counts, first, last = self.tally.counts, min(stamps.values()), max(stamps.values())
        if len(rows) != PEOPLE:
            self._found(Kind.LOST, f"{len(rows)} deliveries of {PEOPLE} are in the log")
        for one in left:
            called = stamps.get(one.key)
            counts["in the middle"] += first < one.answered < last
            counts["called before they left"] += called is not None and called <= one.answered
            counts["called soon after"] += called is not None and called > one.answered
            counts["spared"] += called is None
            if called is not None:
                self._late(one, (called - one.answered) / 1e9)
            expected = (CANCELLED, UNSUBSCRIBED) if called is None else (DELIVERED, None)
            if rows.get(one.key) != expected:
                told = f"{one.who} ({one.key}) is {rows.get(one.key)} in the log, not {expected}"
                self._found(Kind.GHOST if called is None else Kind.LOST, told)

    def _late(self, one: Left, seconds: float) -> None:
        self._latest = max(self._latest, seconds)
        if seconds > BOUND_SECONDS:
            self._found(Kind.GHOST, f"{one.who} was called {seconds:.2f} s after the answer")

    def _stamps(self) -> dict[int, int]:
        """Subscriber key → when; of the last fan-out. Nobody may be called twice."""
        lines = self._place.calls.read_text()[self._read :]
        self._read += len(lines)
        stamps: dict[int, int] = {}
        for delivery, _attempt, at in (line.split() for line in lines.splitlines()):
            key = int(delivery.rpartition(".")[2])
            if key in stamps:
                self._found(Kind.OVER_CALLED, f"{delivery} was called twice")
            stamps[key] = int(at)
        return stamps

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = open_reader(str(self._place.store))
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    async def _verify(self) -> None:
        async for invariant, violation in verify(Settings(data_dir=self._place.data)):
            self.tally.counts["invariants checked"] += 1
            if violation is not None:
                self._found(Kind.INVARIANT, f"{invariant}: {violation.words}")

    def _found(self, kind: Kind, detail: str) -> None:
        self.tally.findings.append(Finding(kind, detail))


UNSUBSCRIBED = reason_code(Reason.UNSUBSCRIBED)


def put(path: str, document: object) -> Call:
    return Call("PUT", path, json.dumps(document).encode())


async def ask(link: Link, call: Call) -> Answer:
    """Nobody dies here, so everything is answered, and well."""
    answer = await link.ask(call)
    assert answer.status < 300, f"{call.method} {call.path} was answered {answer.status}"
    return answer


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`; a round is one who leaves."""
    return await Races(root, seed).run(rounds)


FAULT = Fault(
    "races",
    "nothing starts more than 1 s after the answer; the rest is cancelled",
    Rounds(50, 1_000, 10_000),
    run,
)
