"""How long things may take; and whoever waits for the store for long keeps no hints meanwhile."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from notefly.domain.errors import NoteflyError
from notefly.domain.ids import BatchKey
from notefly.ports.work_queue import WorkQueue

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """Times that a test may shorten; all in seconds."""

    lease: float = 60.0
    deadline: float = 60.0
    """Of one hand-over, as a last resort: a channel's own process has a shorter one."""
    trouble: float = 1.0
    """Wait after the store refused something."""
    busy: float = 1.0
    """Wait before a batch that is leased elsewhere is tried again."""
    patience: float = 5.0
    """With a store that does not answer: after it the hints go back to the queue."""


async def patiently(
    work: Coroutine[Any, Any, T], terms: Terms, queue: WorkQueue, batches: Sequence[BatchKey]
) -> T:
    """What the work gives or raises; when it takes long, the batches go back to the queue."""
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait([task], timeout=terms.patience)
        if not done:
            with suppress(NoteflyError):
                await queue.nack(batches, terms.trouble)
        return await task
    finally:
        task.cancel()
