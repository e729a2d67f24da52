"""How processes that share a store tell each other that there is something to do."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol


class Topic(StrEnum):
    """What happened elsewhere."""

    COMMITTED = "committed"
    """Something is in the store that a watcher may want to read."""
    OFFERED = "offered"
    """Batches are in the queue; for queues whose server does not say so itself."""
    REPLAYED = "replayed"
    """Work that was waiting may go on, and has to be offered again."""
    SWITCHED = "switched"
    """A channel was paused or resumed."""


class Wakeups(Protocol):
    """A hint and no more: many rings may be heard as one, and one may be lost.

    Whoever listens must look at times for himself.
    """

    def ring(self, topic: Topic) -> None:
        """Tell the other processes, soon. Never waits and never raises."""
        ...

    def listen(self, topic: Topic, heard: Callable[[], None]) -> None:
        """From now on call `heard` when another process rings; not for rings of this one."""
        ...
