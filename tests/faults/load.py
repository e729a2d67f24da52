"""What clients do while the product dies: publish, register, change their minds, ask again."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.faults.client_log import ClientLog, Operation, Preferences
from tests.faults.link import Answer, Link, NoAnswer
from tests.faults.product import CHANNELS

BROADCAST, CATEGORIES = "all", ("all", "goals", "rare", "empty")
CROWD = 2_400
"""Everybody hears `all`: several batches of 1,000 on each channel, so that some are in flight."""
GOALS = 30
REGULARS = 40
"""Those who change their minds under load."""
PUBLISHERS, CHANGERS, ASKERS = 6, 3, 8
REQUESTS = 200
"""Of publishing, at most, in one round."""
BROADCASTS = 1
THINK_SECONDS = 0.02
REPEATS = 12

Task = Callable[[Link, random.Random], Awaitable[None]]


@dataclass(slots=True)
class World:
    """What the clients of one store remember from crash to crash."""

    log: ClientLog
    name: str
    """Makes every body and key its own."""
    unknown: list[Operation] = field(default_factory=list)
    """To be asked again; nobody else touches their key or person meanwhile."""
    keyed: list[Operation] = field(default_factory=list)
    """Answered, with a key."""
    unread: list[str] = field(default_factory=list)
    repeated: int = 0
    resolved: int = 0
    cut: list[str] = field(default_factory=list)
    """Requests without an answer; while the product was alive there must be none."""
    newcomers: int = 0
    retired: set[str] = field(default_factory=set)
    """People who do not change their minds any more."""

    async def send(self, link: Link, operation: Operation) -> None:
        """The log takes the answer; what was not answered is remembered."""
        try:
            answer = await self.log.send(link, operation)
        except NoAnswer as error:
            self.cut.append(str(error))
            if operation.payload["kind"] == "read":
                self.unread.append(operation.payload["message"])
            elif not operation.repeat and resolvable(operation):
                self.unknown.append(operation)
        else:
            self.answered(operation, answer)

    def answered(self, operation: Operation, answer: Answer) -> None:
        """Remember what the clients can go on with."""
        if operation.repeat:
            self.repeated += 1
        elif operation.payload["kind"] == "publish" and answer.status == 202:
            self.unread += self.log.events[-1]["ids"]
            if operation.call.key is not None:
                self.keyed.append(operation)

    async def settle(self, port: int, rng: random.Random) -> None:
        """After a restart: ask again what was not answered, repeat some keys, read what is new."""
        again, self.unknown = self.unknown, []
        self.resolved += len(again)
        repeats = rng.sample(self.keyed, min(REPEATS, len(self.keyed)))
        unread, self.unread = self.unread, []
        await self.send_all(
            port,
            [
                *again,
                *(self.log.repeat(operation) for operation in repeats),
                *(self.log.read(message) for message in unread),
            ],
        )

    async def send_all(self, port: int, operations: Iterable[Operation]) -> None:
        """Side by side, each once."""
        work = deque(operations)

        async def asker() -> None:
            link = Link(port)
            while work:
                await self.send(link, work.popleft())
            link.close()

        await asyncio.gather(*(asker() for _ in range(ASKERS)))


def resolvable(operation: Operation) -> bool:
    """A change of choices may be asked for twice, a publish only under its key."""
    return operation.payload["kind"] == "choose" or operation.call.key is not None


def draw(rng: random.Random, categories: Iterable[str]) -> Preferences:
    """Somebody's choices, overrides that are empty or about what they do not follow included."""
    return {
        "categories": [name for name in categories if rng.random() < 0.6],
        "channels": [name for name in CHANNELS if rng.random() < 0.5],
        "overrides": {
            name: [channel for channel in CHANNELS if rng.random() < 0.4]
            for name in categories
            if rng.random() < 0.25
        },
    }


def crowd(rng: random.Random) -> Mapping[str, Preferences]:
    """Those who were there from the start and stay as they are."""
    found: dict[str, Preferences] = {}
    for number in range(CROWD):
        channels = [name for name in CHANNELS if rng.random() < 0.7]
        categories = [BROADCAST, "goals"] if number < GOALS else [BROADCAST]
        found[f"crowd-{number}"] = {
            "categories": categories,
            "channels": channels,
            "overrides": {"goals": rng.sample(CHANNELS, 2)},
        }
    return found


class Load:
    """One round of it; ends by itself after a bounded number of requests."""

    def __init__(self, world: World, port: int, seed: str) -> None:
        self._world = world
        self._port = port
        self._seed = seed
        self._left = REQUESTS
        self._broadcasts = BROADCASTS
        self._stopped = False

    async def run(self) -> None:
        """Until it was stopped, or nobody answers any more."""
        names = [f"regular-{number}" for number in range(REGULARS)]
        tasks = [self._client(f"p{n}", self._publish) for n in range(PUBLISHERS)]
        tasks += [self._client(f"c{n}", self._changer(names[n::CHANGERS])) for n in range(CHANGERS)]
        await asyncio.gather(*tasks)

    def stop(self) -> None:
        """Everybody ends after the request under way."""
        self._stopped = True

    async def _client(self, name: str, act: Task) -> None:
        rng = random.Random(f"{self._seed}/{name}")
        link = Link(self._port)
        cut = len(self._world.cut)
        while not self._stopped and len(self._world.cut) == cut:
            await act(link, rng)
            await asyncio.sleep(rng.random() * THINK_SECONDS)
        link.close()

    async def _publish(self, link: Link, rng: random.Random) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        await self._world.send(link, self._publication(rng))

    def _publication(self, rng: random.Random) -> Operation:
        world, dice = self._world, rng.random()
        key = f"{world.name}-{self._left}-{rng.getrandbits(64):x}" if rng.random() < 0.4 else None
        if dice < 0.04 and world.keyed:
            return world.log.repeat(rng.choice(world.keyed))
        if dice < 0.07 and world.keyed:
            other = rng.choice(world.keyed).call.key
            return world.log.publish([self._line("rare", rng)], other, refused=True)
        if dice < 0.10:
            return world.log.publish([self._line("unheard-of", rng)], key, refused=True)
        if dice < 0.13 and self._broadcasts:
            self._broadcasts -= 1
            return world.log.publish([self._line(BROADCAST, rng)], key)
        if dice < 0.20:
            lines = [self._line(rng.choice(CATEGORIES[1:]), rng) for _ in range(rng.randint(2, 20))]
            return world.log.publish(lines, key, many=True)
        return world.log.publish([self._line(rng.choice(CATEGORIES[1:]), rng)], key)

    def _line(self, category: str, rng: random.Random) -> tuple[str, str | None, str]:
        body = f"{self._world.name} {rng.getrandbits(64):016x} " + "ä" * rng.randint(0, 40)
        return category, rng.choice((None, f"About {category}")), body.strip()

    def _changer(self, people: list[str]) -> Task:
        """Each person is changed by one client only, so the order of changes is known."""
        registered: set[str] = set()

        async def act(link: Link, rng: random.Random) -> None:
            log, choices = self._world.log, draw(rng, CATEGORIES)
            if rng.random() < 0.1:
                self._world.newcomers += 1
                who = f"newcomer-{self._world.newcomers}"
                operation = log.register(who, draw(rng, CATEGORIES[1:]))
            elif (who := rng.choice(people)) in self._world.retired:
                return
            elif who in registered:
                operation = log.choose(who, choices)
            else:
                operation = log.register(who, choices)
                registered.add(who)
            await self._world.send(link, operation)

        return act
