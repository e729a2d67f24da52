"""What the machine itself takes for a flush, at the same time and on the same disk.

Disks have bad minutes. A time of the product's that is judged by itself finds them, and so does
whoever judges it by this.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

PAUSE_SECONDS = 0.05
BLOCK = bytes(4_096)


@asynccontextmanager
async def flushes(path: Path) -> AsyncIterator[list[float]]:
    """Latencies of flushes of that file until the block ends, in seconds from when each was due.

    Late by as much as this process is: so are the requests that it makes beside them. Whoever
    samples takes them out of the list.
    """
    latencies: list[float] = []
    over = asyncio.Event()
    with _opened(path) as file:
        flushing = asyncio.create_task(_flush_until(over, file, latencies))
        try:
            yield latencies
        finally:
            over.set()
            await flushing


def p99(seconds: Collection[float]) -> float:
    """Of at least one."""
    return sorted(seconds)[int(len(seconds) * 0.99)]


async def _flush_until(over: asyncio.Event, file: int, latencies: list[float]) -> None:
    due = time.monotonic()
    while not over.is_set():
        due += PAUSE_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.to_thread(_flush, file)
        latencies.append(time.monotonic() - due)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _flush(file: int) -> None:
    os.pwrite(file, BLOCK, 0)
    os.fsync(file)
