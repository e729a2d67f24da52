"""What the machine itself takes for a flush, at the same time and on the same disk.

Disks have bad minutes. A time of the product's that is judged by itself finds them, and so does
whoever judges it by this.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

PAUSE_SECONDS = 0.05
BLOCK = bytes(4_096)


class Flush(NamedTuple):
    """One of them; a process that stood still has late ones, which took no longer for that."""

    since_due_seconds: float
    took_seconds: float


@asynccontextmanager
async def flushes(path: Path) -> AsyncIterator[list[Flush]]:
    """Those of that file until the block ends; whoever samples takes them out of the list.

    A flush that fails ends the block.
    """
    found: list[Flush] = []
    over = asyncio.Event()
    with _opened(path) as file:
        async with asyncio.TaskGroup() as group:
            group.create_task(_flush_until(over, file, found))
            try:
                yield found
            finally:
                over.set()


async def _flush_until(over: asyncio.Event, file: int, found: list[Flush]) -> None:
    due = time.monotonic()
    while not over.is_set():
        due += PAUSE_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        began = time.monotonic()
        await asyncio.to_thread(_flush, file)
        ended = time.monotonic()
        found.append(Flush(ended - due, ended - began))


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
