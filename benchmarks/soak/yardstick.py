"""What the machine itself takes for a flush, at the same time and on the same disk."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PAUSE_SECONDS = 0.05
"""As often as small messages come, on average."""
BLOCK = bytes(4_096)


@dataclass(slots=True)
class Yardstick:
    """`latencies` are of flushes, from when they were due; whoever samples takes them away."""

    path: Path
    latencies: list[float] = field(default_factory=list)

    async def watch(self, seconds: float) -> None:
        """For so long. Late by as much as this process is: so are the publishes beside it."""
        due = time.monotonic()
        end = due + seconds
        with _opened(self.path) as file:
            while (due := due + PAUSE_SECONDS) < end:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await asyncio.to_thread(_flush, file)
                self.latencies.append(time.monotonic() - due)


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
