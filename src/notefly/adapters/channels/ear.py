"""What a channel's process prints goes to the broker's log, in bounded amounts."""

import asyncio
import logging
from collections.abc import Sequence
from io import FileIO
from itertools import chain

from notefly.domain.batch import Recipient

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
        self._people: Sequence[Sequence[Recipient]] = ()

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

    def refresh(self, people: Sequence[Sequence[Recipient]]) -> None:
        """A new hand-over has a new allowance, and people of its own, whom the log must not name.

        A line that is torn between two reads may keep a piece of one.
        """
        self._people = people
        if self._dropped:
            self._log.warning("it printed %s bytes more, which were dropped", self._dropped)
        self._room, self._dropped = HEARD_LIMIT, 0

    def _hear(self, chunk: bytes) -> None:
        kept = chunk[: self._room]
        self._room -= len(kept)
        self._dropped += len(chunk) - len(kept)
        text = kept.decode(errors="replace")
        for person in chain.from_iterable(self._people):
            if len(person.address) >= SHORTEST:
                text = text.replace(person.address, HIDDEN)
        for line in text.splitlines():
            self._log.info("%s", line)
