"""How long things may take."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

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
    given_up: float = 4.0
    """Wait before such a hint is handed out again: until the lease has run out that may have been
    taken, and nothing that the one who gave it back has asked the queue for can still bring it."""


async def patiently(
    work: Coroutine[Any, Any, T], seconds: float, given_up: Callable[[], Awaitable[None]]
) -> T:
    """What the work gives or raises; when it takes longer, that is said once, and it goes on."""
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            await given_up()
        return await task
    finally:
        task.cancel()
