"""The wall clock jumps: while work is leased, while a retry waits, while nothing runs."""

import asyncio
import json
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.checker import Finding, Kind
from tests.faults.client_log import Operation, chosen, profile
from tests.faults.clocks import Dial
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.link import NDJSON, Call, Link
from tests.faults.load import CATEGORIES
from tests.faults.product import CHANNELS, Product
from tests.faults.record import attempts_that, open_work
from tests.faults.siege import Siege
from tests.faults.stop import signal_all, until

HOUR, DAY = 3_600.0, 86_400.0
JUMPS = (-3 * DAY, 3 * DAY, -HOUR, HOUR, -5.0)
LIFE = 10
PEOPLE = 20
CATEGORY = "goals"
FROZEN_SECONDS = 10.0
"""A first retry is due within 2 s of its answer, and looked for twice in the next."""
LEASED_SECONDS = 0.5
"""Long enough for the reconciler to take over what it wrongly believes to be over."""
PATIENCE_SECONDS = 20.0
PAGE = 7
COMMAND = ("-m", "tests.faults.clocks", "broker")


@dataclass(slots=True)
class Clocks:
    """One store, its product, and the dial of its clock."""

    siege: Siege
    dial: Dial
    planted: bool
    product: Product = field(init=False)
    jumps: int = 0
    listed: int = 0
    slowest: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    async def start(self) -> None:
        """With a channel that asks everybody to come again."""
        extra = {
            "CLOCK_FILE": str(self.siege.place.witnesses / "clock"),
            "NOTEFLY_CHANNELS": ",".join((*CHANNELS, "flaky")),
            "PLANTED": "1" if self.planted else "0",
        }
        self.product = Product(self.siege.place, CATEGORIES, COMMAND, **extra)
        await self.siege.open(self.product)

    async def life(self, first: int, rounds: int) -> None:
        """`rounds` jumps and more, and a look at what became of it."""
        try:
            await self.start()
            await self._ask(self._people())
            for number in range(first, first + rounds):
                await self._round(number)
            self.findings += await self.siege.look()
            if (died := attempts_that(self.siege.store, "died")) > 0:
                told = f"{died} leases were taken from a worker that was at work"
                self.findings.append(Finding(Kind.OVER_CALLED, told))
            if words := await self.product.stop():
                self.findings.append(Finding(Kind.ORPHAN, words))
        finally:
            await self.product.kill()
            self.siege.world.log.close()

    async def _round(self, number: int) -> None:
        """A retry waits and a hand-over is under way when the clock jumps."""
        rng, jump = self.siege.rng, JUMPS[number % len(JUMPS)]
        workers = self.product.processes("channel")
        signal_all(workers, signal.SIGSTOP)
        await self._ask(self._message())
        self.findings += await until(
            lambda: open_work(self.siege.store).leased > 0, f"a lease in round {number}"
        )
        self._jump(jump)
        await asyncio.sleep(LEASED_SECONDS)
        signal_all(workers, signal.SIGCONT)
        await self._ask(*(self._message() for _ in range(rng.randint(1, 9))))
        self.findings += await until(
            lambda: open_work(self.siege.store).waiting > 0, f"a retry in round {number}"
        )
        dead = number % 3 == 2
        if dead:
            await self.product.kill()
            self.siege.world.log.crash()
        self._jump(jump * rng.uniform(0.5, 1))
        if dead:
            await self.start()
        began = time.monotonic()
        await self.siege.drain(PATIENCE_SECONDS)
        seconds = time.monotonic() - began
        self.slowest = max(self.slowest, seconds)
        if seconds > FROZEN_SECONDS:
            told = f"round {number}: after a jump of {jump:g} s it took {seconds:.1f} s to drain"
            self.findings.append(Finding(Kind.STUCK, told))
        await self._list(jump)

    def _jump(self, seconds: float) -> None:
        self.dial.turn(seconds)
        self.jumps += 1

    async def _list(self, jump: float) -> None:
        """Page by page, with a jump between them: everything comes once."""
        link, found, cursor = Link(self.product.port), [], ""
        while True:
            answer = await link.ask(Call("GET", f"/v1/messages?limit={PAGE}{cursor}"))
            found += [message["id"] for message in answer.body["items"]]
            if answer.body["next"] is None:
                break
            cursor = f"&cursor={answer.body['next']}"
            if len(found) == PAGE:
                self._jump(-jump)
        link.close()
        self.listed += len(found)
        wanted = {one for e in self.siege.world.log.events for one in e.get("ids", ())}
        if len(found) != len(wanted) or set(found) != wanted:
            told = f"{len(found)} messages are listed of {len(wanted)} that were accepted"
            self.findings.append(Finding(Kind.LOST, told))

    async def _ask(self, *operations: Operation) -> None:
        await self.siege.world.send_all(self.product.port, operations)

    def _message(self) -> Operation:
        name = f"{self.siege.rng.getrandbits(64):016x}"
        return self.siege.world.log.publish([(CATEGORY, None, name)], name)

    def _people(self) -> Operation:
        """Their boxes answer "not at first"."""
        wishes = {"categories": [CATEGORY], "channels": ["flaky", CHANNELS[-1]], "overrides": {}}
        people = {f"once-{number}": wishes for number in range(PEOPLE)}
        lines = (
            json.dumps(profile(who) | wishes | {"addresses": {"box": who}})
            for who, wishes in people.items()
        )
        call = Call("POST", "/v1/subscribers", "\n".join(lines).encode(), NDJSON)
        return self.siege.world.log._operation(chosen(people), call)


async def run(root: Path, seed: int, rounds: int, *, planted: bool = False) -> Tally:
    """See `Run`. `planted`: with a bug in it, to show that it is found."""
    tally, counts, slowest = Tally(), Counts(), 0.0
    for first in range(0, rounds, LIFE):
        siege = Siege.begin(root / f"store-{first}", f"{seed}.{first}", COMMAND)
        clocks = Clocks(siege, Dial(siege.place.witnesses / "clock"), planted)
        share = min(LIFE, rounds - first)
        await clocks.life(first, share)
        tally.rounds += share
        tally.findings += clocks.findings
        counts.update({"jumps": clocks.jumps, "messages listed": clocks.listed, **siege.counts})
        slowest = max(slowest, clocks.slowest)
    tally.counts = counts
    tally.measured["drained after a jump"] = f"{slowest:.1f} s at most (bound {FROZEN_SECONDS:g} s)"
    return tally


FAULT = Fault(
    "clock",
    "no storm of expired leases, no frozen retries",
    Rounds(3, 30, 300),
    run,
)
