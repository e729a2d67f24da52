"""What is delivered, and the sender that delivers it: the same in every peer and in Notefly.

The standard library only: peers import it in their own environments.
"""

import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

CHANNELS = 2
BATCH = 1_000
"""People in a task that fans out: as many as Notefly puts into one batch."""


class Lot(NamedTuple):
    """The people from `first` up to `last` of one message, each on both channels.

    `message` is the place of its first delivery; those of one message lie side by side.
    """

    message: int
    first: int
    last: int

    @property
    def size(self) -> int:
        return (self.last - self.first) * CHANNELS

    def parts(self) -> Iterator["Lot"]:
        """As the tasks of a batched form have them."""
        for first in range(self.first, self.last, BATCH // CHANNELS):
            yield Lot(self.message, first, min(first + BATCH // CHANNELS, self.last))

    def deliveries(self) -> Iterator[tuple[int, int, int]]:
        """Message, subscriber, channel."""
        for subscriber in range(self.first, self.last):
            for channel in range(CHANNELS):
                yield self.message, subscriber, channel


def place(message: int, subscriber: int, channel: int) -> int:
    """Where the calls of a delivery are counted."""
    return message + subscriber * CHANNELS + channel


class Witness:
    """Counts the calls of each delivery in shared memory, which outlives any process."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._calls = mmap.mmap(file.fileno(), 0)

    def send_all(
        self, message: int, people: Iterable[tuple[int, str]]
    ) -> list[tuple[int, int, int]]:
        """The sender for each of them on both channels; what was delivered."""
        delivered = []
        for subscriber, _ in people:
            for channel in range(CHANNELS):
                self.send(message, subscriber, channel)
                delivered.append((message, subscriber, channel))
        return delivered

    def send(self, message: int, subscriber: int, channel: int) -> None:
        """The no-op sender. It costs well under a microsecond and makes no system call."""
        at = message + subscriber * CHANNELS + channel
        self._calls[at] = min(self._calls[at] + 1, 255)

    def called(self, first: int, last: int) -> int:
        """How many of these were called at least once."""
        return last - first - self._calls[first:last].count(0)

    def again(self, first: int, last: int) -> int:
        """Calls beyond the first of each."""
        return sum(calls - 1 for calls in self._calls[first:last] if calls > 1)

    @staticmethod
    def make(path: Path, places: int) -> "Witness":
        """All at nought; the file is sparse."""
        with path.open("wb") as file:
            file.truncate(places)
        return Witness(path)


def witness() -> Witness:
    """The one of this run."""
    return Witness(Path(os.environ["PEER_WITNESS"]))
