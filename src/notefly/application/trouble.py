"""Store or queue refuse for a while: who works for nobody in particular waits, and says so once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from notefly.domain.errors import NoteflyError
from notefly.ports.clock import Clock

LOG = logging.getLogger(__name__)
REST_SECONDS = 1.0
SILENT_SECONDS = 60.0
"""Until it is worth another line: a disk may be full for days, and everybody meets it."""


class Trouble:
    """One for all who write in the background."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said_at: float | None = None
        self._lasts = False

    def met(self, error: Exception) -> None:
        """One of them refused; whoever met it tries again after a wait."""
        now = self._clock.monotonic()
        self._lasts = True
        if self._said_at is None or now - self._said_at >= SILENT_SECONDS:
            self._said_at = now
            LOG.warning("work waits and is tried again: %s", error)

    def over(self) -> None:
        """Something was taken."""
        if self._lasts:
            self._lasts = False
            LOG.info("work goes on")

    async def forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        """A loop that a passing trouble must not end; it returns when the loop does."""
        while True:
            try:
                await loop()
            except asyncio.CancelledError:
                raise
            except NoteflyError as error:
                self.met(error)
            except Exception:
                LOG.exception("trouble in %s; it goes on in a second", loop.__qualname__)
            else:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(REST_SECONDS):
                    await asyncio.Event().wait()
