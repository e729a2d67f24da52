"""What a channel's process prints goes to the broker's log, in bounded amounts."""

import asyncio
import logging
from io import FileIO

HEARD_LIMIT = 16_384
"""Bytes that are kept of what is printed in one hand-over."""


class Ear:
    """Reads everything, so that a process that prints is never held up by it."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._room = HEARD_LIMIT
        self._dropped = 0

    async def listen(self, pipe: FileIO) -> None:
        """Until nobody holds the other end any more."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            while chunk := await reader.read(4_096):
                self._hear(chunk)
        finally:
            transport.close()

    def refresh(self) -> None:
        """A new hand-over has a new allowance."""
        if self._dropped:
            self._log.warning("it printed %s bytes more, which were dropped", self._dropped)
        self._room, self._dropped = HEARD_LIMIT, 0

    def _hear(self, chunk: bytes) -> None:
        kept = chunk[: self._room]
        self._room -= len(kept)
        self._dropped += len(chunk) - len(kept)
        for line in kept.decode(errors="replace").splitlines():
            self._log.info("%s", line)
