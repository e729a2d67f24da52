"""Redis, NATS and PostgreSQL on loopback, as their own documentation starts them."""

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.cluster.postgres import Postgres
from tests.support.nats import free_ports, servers
from tests.support.redis import binary

PATIENCE_SECONDS = 20
LOOK_SECONDS = 0.02
"""Between looks at processes that do not say when they are done."""


@dataclass(frozen=True, slots=True)
class Server:
    """Its address, and the process at the root of all that belongs to it."""

    url: str
    pid: int


@contextmanager
def redis(folder: Path) -> Iterator[Server]:
    """With its default persistence: snapshots, no append-only file."""
    [port] = free_ports(1)
    command = [binary(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with Redis(port=port) as client:
            _until(lambda: _answers(client), "Redis")
        yield Server(f"redis://127.0.0.1:{port}/0", process.pid)
    finally:
        process.kill()
        process.wait()


@contextmanager
def nats(folder: Path) -> Iterator[Server]:
    """One node of JetStream with its default `sync_interval` of two minutes."""
    started = servers(1, folder, sync="2m").start()
    try:
        started.wait_until_healthy()
        [node] = started.nodes
        assert node.process is not None
        yield Server(node.address, node.process.pid)
    finally:
        started.end()


@contextmanager
def postgres(_: Path) -> Iterator[Server]:
    """As `initdb` sets it up: `fsync` and `synchronous_commit` are on."""
    folder = Path(tempfile.mkdtemp(prefix="notefly-bench-postgres-"))
    server = Postgres(free_ports(1)[0], folder / "postgres.log")
    try:
        asyncio.run(server.start())
        process = server._process  # noqa: SLF001 - nobody else needs to know its number
        assert process is not None
        yield Server(server.dsn(), process.pid)
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


STARTS = {"redis": redis, "nats": nats, "postgres": postgres}


def _answers(client: Redis) -> bool:
    with suppress(RedisError):
        return bool(client.ping())
    return False


def _until(ready: Callable[[], bool], name: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < end, f"{name} does not come up"
        time.sleep(LOOK_SECONDS)
