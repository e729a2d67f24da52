"""For an engine that has one process: there is nobody to tell, and nobody else to do it."""

from collections.abc import Callable

from notefly.ports.leadership import Leadership
from notefly.ports.wakeups import Topic, Wakeups


class Alone:
    """See `Wakeups` and `Leadership`."""

    def ring(self, topic: Topic) -> None:
        """Nobody hears it."""

    def listen(self, topic: Topic, heard: Callable[[], None]) -> None:
        """Nobody rings."""

    async def leads(self) -> bool:
        return True


def _meets(alone: Alone) -> tuple[Wakeups, Leadership]:
    return alone, alone
