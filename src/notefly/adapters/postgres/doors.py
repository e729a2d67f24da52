"""Who waits for which batches, so that few ask the server and none is forgotten."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from notefly.domain.batch import BatchRef


@dataclass(slots=True)
class Door:
    """Where those stand who receive on the same channels: the first asks, the others follow."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    _size: float = 1.0

    def batches(self, rows: int, at_most: int) -> int:
        """How many are about as many rows, if they are as large as those that came last."""
        return max(1, min(at_most, math.ceil(rows / self._size)))

    def came(self, refs: Iterable[BatchRef]) -> None:
        """Keep in mind how large they are."""
        sizes = [ref.size for ref in refs]
        if sizes:
            self._size = max(1.0, sum(sizes) / len(sizes))


class Doors:
    """One for each set of channels that somebody receives on."""

    def __init__(self) -> None:
        self._doors: dict[frozenset[str], Door] = {}

    def at(self, channels: frozenset[str]) -> Door:
        return self._doors.setdefault(channels, Door())

    def waiting(self) -> list[str]:
        """The channels for which somebody stands here."""
        served = (channels for channels, door in self._doors.items() if door.turn.locked())
        return sorted(frozenset().union(*served))

    def ring(self, channels: Iterable[str]) -> None:
        """There may be something on these."""
        ready = frozenset(channels)
        for served, door in self._doors.items():
            if served & ready:
                door.bell.set()
