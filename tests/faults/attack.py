"""Very many connections that say nothing, or little, and the file handles that they take here."""

import asyncio
import contextlib
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

CLOSED_SECONDS = 15.0
GRACE_SECONDS = 5.0
"""For the harness itself, which has thousands of sockets to look after."""
PER_SECOND = 400
"""Connections that the attack opens."""
HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
OPENING = {
    "silent": b"",
    "half a head": HEAD + b"X-Slow: ",
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\n{",
}


@contextlib.contextmanager
def handles() -> Iterator[None]:
    """As many as the machine lets the harness have: what it cannot open attacks nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(slots=True)
class Attack:
    """Opens them, and notes how long each was let stay."""

    port: int
    rng: random.Random
    stayed: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Why some did not open."""

    @property
    def opened(self) -> int:
        return self.kinds.total()

    async def run(self, sockets: int) -> None:
        """Until all were closed, or should have been."""
        async with asyncio.TaskGroup() as group:
            for number in range(sockets):
                group.create_task(self._one(number / PER_SECOND))

    async def _one(self, delay: float) -> None:
        await asyncio.sleep(delay)
        kind = self.rng.choice(list(OPENING))
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError as error:
            self.refused[error.strerror or type(error).__name__] += 1
            return
        self.kinds[kind] += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_SECONDS + GRACE_SECONDS):
                await asyncio.gather(self._drip(writer, OPENING[kind]), _ended(reader))
        self.stayed.append(time.monotonic() - began)
        writer.transport.abort()

    async def _drip(self, writer: asyncio.StreamWriter, opening: bytes) -> None:
        """A byte a second, for as long as anybody takes it."""
        writer.write(opening)
        while opening and not writer.transport.is_closing():
            await asyncio.sleep(1)
            writer.write(b"x")


async def _ended(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass
