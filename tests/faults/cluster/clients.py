"""Clients of several brokers: who is not answered, or told to come again, asks another one."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from tests.faults.client_log import Operation
from tests.faults.link import Answer, Call, Link, NoAnswer
from tests.faults.load import Load, Task, World, resolvable

PATIENCE_SECONDS = 5.0
"""Then a client takes its broker for dead, and asks another one."""
AGAIN_SECONDS = (0.05, 0.3)
THINK_SECONDS = 1.0
LATER = (429, 503)
"""Nothing was stored: come again."""
BROADCAST_EVERY = 40
"""Publications."""


class Brokers(Link):
    """One client's connections: it stays with a broker as long as that answers."""

    def __init__(self, ports: Sequence[int], rng: random.Random) -> None:
        self._links = [Link(port, PATIENCE_SECONDS) for port in ports]
        self._rng = rng
        self._current = rng.randrange(len(ports))

    @override
    async def ask(self, call: Call) -> Answer:
        try:
            answer = await self._links[self._current].ask(call)
        except NoAnswer:
            self._next()
            raise
        if answer.status in LATER or self._rng.random() < 0.1:
            self._next()
        return answer

    @override
    def close(self) -> None:
        for link in self._links:
            link.close()

    def _next(self) -> None:
        self._current = (self._current + 1) % len(self._links)


@dataclass(slots=True)
class Patient(World):
    """Asks until it is answered, wherever that may be asked again."""

    rng: random.Random = field(default_factory=random.Random)
    unanswered: int = 0
    put_off: int = 0
    """Told to come again."""

    @override
    async def send(self, link: Link, operation: Operation) -> None:
        """Returns when the answer is final, or nobody may ask again."""
        while not await self._sent(link, operation):
            if not resolvable(operation):
                return
            await asyncio.sleep(self.rng.uniform(*AGAIN_SECONDS))

    async def _sent(self, link: Link, operation: Operation) -> bool:
        try:
            answer = await self.log.send(link, operation)
        except NoAnswer:
            self.unanswered += 1
            # What was not answered may still be carried out, after whatever is asked next.
            self.retired.update(operation.payload.get("people", ()))
            return False
        if answer.status in LATER:
            self.put_off += 1
            return False
        self.answered(operation, answer)
        return True


class Steady(Load):
    """Goes on until it is stopped, slowly enough to leave the machine to the product."""

    def __init__(self, world: Patient, ports: Sequence[int], seed: str) -> None:
        super().__init__(world, ports[0], seed)
        self._ports = ports
        self._left = 10**9

    @override
    async def _client(self, name: str, act: Task) -> None:
        rng = random.Random(f"{self._seed}/{name}")
        link = Brokers(self._ports, rng)
        while not self._stopped:
            await act(link, rng)
            self._broadcasts = int(self._left % BROADCAST_EVERY == 0)
            await asyncio.sleep(rng.random() * THINK_SECONDS)
        link.close()


async def publish_everywhere(world: Patient, ports: Sequence[int], category: str) -> float:
    """One message at each broker, asked until it is accepted; seconds."""
    began = time.monotonic()
    operations = []
    for _ in ports:
        name = f"{world.name} probe {world.rng.getrandbits(64):016x}"
        operations.append(world.log.publish([(category, None, name)], name.replace(" ", "-")))

    async def one(operation: Operation, port: int) -> None:
        link = Brokers([port], world.rng)
        await world.send(link, operation)
        link.close()

    await asyncio.gather(*map(one, operations, ports))
    return time.monotonic() - began
