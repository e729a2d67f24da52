"""What a channel's process prints goes to the broker's log, in bounded amounts."""

import asyncio
import logging
from collections.abc import Collection
from io import FileIO

HEARD_LIMIT = 16_384
"""Bytes that are kept of what is printed for one question."""
HIDDEN = "****"
SHORTEST = 4
"""Characters: hiding "a" wherever it stands would leave nothing to read."""


class Ear:
    """Reads everything, so that a process that prints is never held up by it."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._room = HEARD_LIMIT
        self._dropped = 0
        self._hidden: Collection[str] = ()

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

    def refresh(self, addresses: Collection[str]) -> None:
        """A new hand-over has a new allowance, and people of its own, whom the log must not name.

        A line that is torn between two reads may keep a piece of one.
        """
        self._hidden = [one for one in addresses if len(one) >= SHORTEST]
        if self._dropped:
            self._log.warning("it printed %s bytes more, which were dropped", self._dropped)
        self._room, self._dropped = HEARD_LIMIT, 0

    def _hear(self, chunk: bytes) -> None:
        kept = chunk[: self._room]
        self._room -= len(kept)
        self._dropped += len(chunk) - len(kept)
        text = kept.decode(errors="replace")
        for address in self._hidden:
            text = text.replace(address, HIDDEN)
        for line in text.splitlines():
            self._log.info("%s", line)
