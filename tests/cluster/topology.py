"""Two brokers and three workers over PostgreSQL, with a queue by NATS or by SKIP LOCKED."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.cluster.postgres import Postgres
from tests.cluster.proxy import Proxy
from tests.faults.process import Running, ready
from tests.faults.product import BROKER, Place
from tests.support.nats import Servers, free_ports, servers

WORKER = ("-m", "notefly", "worker")
DELIVERING, PUBLISHING = "broker-1", "broker-2"
"""The second broker delivers nothing itself."""
BROKERS = (DELIVERING, PUBLISHING)
WORKERS = ("worker-1", "worker-2", "worker-3")
MARK = "CLUSTER_MEMBER"


class Queue(Enum):
    """What hands out the work."""

    JETSTREAM = "jetstream"
    SKIP_LOCKED = "skip-locked"


@dataclass(slots=True)
class Doors:
    """What stands between one process and its servers."""

    postgres: Proxy
    nats: Sequence[Proxy]

    @property
    def every(self) -> tuple[Proxy, ...]:
        return (self.postgres, *self.nats)


@dataclass(slots=True)
class Member:
    """A broker or a worker: one life after another, always with the same settings."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    words: Path
    port: int
    """Of its API; a worker has none there."""
    doors: Doors | None
    life: Running | None = None

    def start(self) -> None:
        """Begin a life; returns at once."""
        self.life = Running(
            self.command,
            mark=(MARK, str(self.words)),
            words=self.words,
            environment=self.environment,
        )

    async def kill(self) -> list[str]:
        """Kill -9 of it and its channels; who outlived it."""
        return [] if self.life is None else await self.life.kill()

    async def stop(self) -> str:
        """As a service manager would; empty when all went well."""
        return "" if self.life is None else await self.life.stop()

    async def ready(self) -> None:
        """A broker that takes traffic. Raises NotReady."""
        assert self.life is not None
        await ready(self.life, self.port)

    def signal(self, number: int, *, channels: bool) -> None:
        """To it, or to its channels' processes too."""
        assert self.life is not None
        for pid in self.life.everybody() if channels else (self.life.pid,):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    @property
    def alive(self) -> bool:
        return self.life is not None and self.life.alive


@dataclass(slots=True)
class Cluster:
    """All of it."""

    place: Place
    postgres: Postgres
    nats: Servers | None
    database: str
    members: dict[str, Member] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """Past all doors."""
        return self.postgres.dsn(self.database)

    @property
    def brokers(self) -> list[Member]:
        return [self.members[name] for name in BROKERS]

    @property
    def workers(self) -> list[Member]:
        return [self.members[name] for name in WORKERS]

    @property
    def ports(self) -> list[int]:
        """Of the brokers' APIs."""
        return [broker.port for broker in self.brokers]

    async def replace(self, member: Member) -> list[str]:
        """What an orchestrator does with one that died; who outlived it."""
        orphans = await member.kill()
        member.start()
        return orphans

    def words(self) -> Iterable[tuple[str, bytes]]:
        """What each member has printed in all its lives."""
        for member in self.members.values():
            yield member.name, member.words.read_bytes()


@asynccontextmanager
async def cluster(
    root: Path, queue: Queue, *, categories: Sequence[str], doors: bool = False, **settings: str
) -> AsyncIterator[Cluster]:
    """Everything, ready; nothing of it is left afterwards."""
    with ExitStack() as stack:
        place = Place.make(root)
        nats = None
        if queue is Queue.JETSTREAM:
            nats = servers(3, root / "nats").start()
            stack.callback(nats.end)
            await nats.healthy()
        free = iter(free_ports(1 + 2 * len(BROKERS + WORKERS)))
        words = place.witnesses / "postgres.log"
        postgres = await asyncio.to_thread(Postgres, next(free), words)
        stack.callback(postgres.remove)
        await postgres.start()
        made = Cluster(place, postgres, nats, await postgres.database("notefly"))
        proxies: list[Proxy] = []
        try:
            for name in (*BROKERS, *WORKERS):
                between = await _doors(made, proxies) if doors and name in WORKERS else None
                ports = next(free), next(free)
                made.members[name] = _member(made, name, ports, between, categories, settings)
            await begin(made)
            yield made
        finally:
            await asyncio.gather(*(member.kill() for member in made.members.values()))
            await asyncio.gather(*(proxy.stop() for proxy in proxies))


async def begin(made: Cluster) -> None:
    """All members, and the brokers take traffic."""
    for member in made.members.values():
        member.start()
    for broker in made.brokers:
        await broker.ready()


async def _doors(made: Cluster, proxies: list[Proxy]) -> Doors:
    nodes = made.nats.nodes if made.nats is not None else ()
    doors = Doors(Proxy(made.postgres.port), [Proxy(node.port) for node in nodes])
    for door in doors.every:
        await door.start()
        proxies.append(door)
    return doors


def _member(
    made: Cluster,
    name: str,
    ports: tuple[int, int],
    doors: Doors | None,
    categories: Sequence[str],
    settings: dict[str, str],
) -> Member:
    environment = made.place.environment(ports, categories) | {
        "NOTEFLY_DATA_DIR": str(made.place.root / name),
        "NOTEFLY_STORE": made.postgres.dsn(made.database, doors.postgres.port if doors else None),
        "NOTEFLY_BROKER_DELIVERS": "0" if name == PUBLISHING else "1",
    }
    if made.nats is not None:
        nodes = doors.nats if doors is not None else made.nats.nodes
        addresses = ",".join(f"nats://127.0.0.1:{node.port}" for node in nodes)
        environment |= {"NOTEFLY_QUEUE": addresses, "NOTEFLY_QUEUE_REPLICAS": "3"}
    words = made.place.witnesses / f"{name}.log"
    words.touch()
    command = BROKER if name in BROKERS else WORKER
    return Member(name, command, environment | settings, words, ports[0], doors)
