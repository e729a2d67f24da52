"""The same Idempotency-Key from 100 clients at once, over restarts and after delivery."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from notefly.bootstrap import verify
from notefly.config import Settings
from tests.faults.checker import Finding, Kind
from tests.faults.client_log import profile
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.link import JSON, NDJSON, Answer, Call, Link, NoAnswer
from tests.faults.load import CATEGORIES
from tests.faults.product import BROKER, CHANNELS, Place, Product
from tests.faults.record import read_record
from tests.faults.siege import drained

CLIENTS = 100
PEOPLE = 5
CATEGORY = "goals"
LIFE = 40
"""Keys between two restarts; every other restart is a kill -9 in the middle of a key."""
LATER = 10
"""Requests for each key after it was delivered, and for as many old keys after a restart."""
MANY = 0.1
"""Of the keys are for several messages in one request."""
KILL_SECONDS = 0.03
"""A hundred requests take about so long."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What everybody asks for, and the same key with another content."""

    call: Call
    other: Call
    messages: int

    @property
    def key(self) -> str:
        return self.call.key or ""


class Keys:
    """One store, and what each key was answered."""

    def __init__(self, root: Path, seed: int) -> None:
        self._place = Place.make(root / "store")
        self._rng = random.Random(seed)
        self._links: list[Link] = []
        self._answers: dict[str, tuple[str, ...]] = {}
        self._known: list[Publication] = []
        self._lives = self._stored = 0
        self.tally = Tally()

    async def run(self, requests: int) -> Tally:
        """Until so many were asked."""
        product = await self._start()
        await self._links[0].ask(registration())
        fresh: list[Publication] = []
        try:
            while self.tally.rounds < requests:
                kill = self._lives % 2 == 0 and len(fresh) == LIFE - 1
                product = await self._key(product, fresh, kill=kill)
                if len(fresh) >= LIFE or self.tally.rounds >= requests:
                    await self._after_delivery(fresh)
                    product = await self._restart(product, kill=False)
            await self._look()
        finally:
            await product.kill()
        counts = self.tally.counts
        self.tally.counts = Counts({"keys": len(self._known), "messages": self._stored, **counts})
        return self.tally

    async def _key(self, product: Product, fresh: list[Publication], *, kill: bool) -> Product:
        """Everybody at once; in the middle of it the product may die, and then they ask again."""
        publication = self._publication()
        self.tally.rounds += CLIENTS
        asking = asyncio.create_task(self._burst(publication.call, CLIENTS))
        if kill:
            await asyncio.sleep(self._rng.random() * KILL_SECONDS)
            product = await self._restart(product, kill=True)
            self.tally.counts["cut off by it"] += await asking
            asking = asyncio.create_task(self._burst(publication.call, CLIENTS))
        if await asking:
            self._found(Kind.UNANSWERED, f"key {publication.key}: a living broker gave no answer")
        await self._expect_refusal(publication)
        fresh.append(publication)
        self._known.append(publication)
        return product

    async def _after_delivery(self, fresh: list[Publication]) -> None:
        await drained(self._place.data)
        old = self._rng.sample(self._known, min(LATER, len(self._known)))
        for publication in (*fresh, *old):
            await self._burst(publication.call, LATER)
            self.tally.counts["asked after delivery"] += LATER
        fresh.clear()

    async def _burst(self, call: Call, clients: int) -> int:
        """How many had no answer."""
        links = self._links[:clients]
        answers = await asyncio.gather(*(self._ask(link, call) for link in links))
        for answer in answers:
            if answer is not None:
                self._understand(call.key or "", answer)
        return answers.count(None)

    async def _ask(self, link: Link, call: Call) -> Answer | None:
        try:
            return await link.ask(call)
        except NoAnswer:
            return None

    def _understand(self, key: str, answer: Answer) -> None:
        if answer.status != 202:
            self._found(Kind.ERROR, f"key {key} was answered {answer.status}")
            return
        ids = tuple(answer.body["ids"] if "ids" in answer.body else [answer.body["id"]])
        if self._answers.setdefault(key, ids) != ids:
            self._found(Kind.REBOUND, f"key {key} gave {self._answers[key]} and {ids}")

    async def _expect_refusal(self, publication: Publication) -> None:
        answer = await self._links[0].ask(publication.other)
        self.tally.counts["other content"] += 1
        if answer.status != 422:
            told = f"key {publication.key} with other content was answered {answer.status}"
            self._found(Kind.REBOUND, told)

    async def _restart(self, product: Product, *, kill: bool) -> Product:
        self._lives += 1
        if kill:
            await product.kill()
            self.tally.counts["kill -9"] += 1
        elif words := await product.stop():
            self._found(Kind.ORPHAN, words)
        self.tally.counts["restarts"] += 1
        return await self._start()

    async def _start(self) -> Product:
        product = Product(self._place, CATEGORIES, BROKER)
        await product.ready()
        for link in self._links:
            link.close()
        self._links = [Link(product.port) for _ in range(CLIENTS)]
        return product

    async def _look(self) -> None:
        """The store has what was answered, once, and nothing else."""
        await drained(self._place.data)
        record = read_record(self._place.store)
        stored = Counter(message.id for message in record.messages)
        self._stored = stored.total()
        answered = {one for ids in self._answers.values() for one in ids}
        for one in answered - stored.keys():
            self._found(Kind.LOST, f"message {one} was accepted, the store has none")
        for one in stored.keys() - answered:
            self._found(Kind.GHOST, f"message {one} is nobody's answer")
        for message in record.messages:
            if len(record.rows.get(message.key, {})) != PEOPLE * len(CHANNELS):
                self._found(Kind.LOST, f"message {message.id} did not reach everybody once")
        async for invariant, violation in verify(Settings(data_dir=self._place.data)):
            if violation is not None:
                self._found(Kind.INVARIANT, f"{invariant}: {violation.words}")

    def _found(self, kind: Kind, detail: str) -> None:
        self.tally.findings.append(Finding(kind, detail))

    def _publication(self) -> Publication:
        lines = self._rng.randint(2, 5) if self._rng.random() < MANY else 1
        name = f"{self._rng.getrandbits(64):016x}"
        documents = [{"category": CATEGORY, "body": f"{name} {n}"} for n in range(lines)]
        media = NDJSON if lines > 1 else JSON
        call = Call("POST", "/v1/messages", body(documents), media, f"key-{name}")
        documents[-1]["body"] += " altered"
        return Publication(call, replace(call, body=body(documents)), lines)


def body(documents: Sequence[dict[str, str]]) -> bytes:
    return "\n".join(map(json.dumps, documents)).encode()


def registration() -> Call:
    """Everybody wants everything of one category."""
    wishes = {"categories": [CATEGORY], "channels": list(CHANNELS), "overrides": {}}
    lines = (json.dumps(profile(f"p-{number}") | wishes) for number in range(PEOPLE))
    return Call("POST", "/v1/subscribers", "\n".join(lines).encode(), NDJSON)


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`; a round is one client's request for a key that everybody asks for."""
    return await Keys(root, seed).run(rounds)


FAULT = Fault(
    "keys",
    "one id per key; other content is refused",
    Rounds(5_000, 100_000, 1_000_000),
    run,
)
