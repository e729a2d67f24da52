"""How one part of the product tells another that there is something to do."""

import asyncio
from typing import ClassVar

from typing_extensions import override

from notefly.ports.wakeups import Topic, Wakeups


class Doorbell:
    """Rung as often as you like, heard once; whoever waits must look for the work itself."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, at_most_seconds: float | None = None) -> bool:
        """Until it rings (True), or the time is over (False); ringing before counts."""
        try:
            async with asyncio.timeout(at_most_seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class PlannerBell(Doorbell):
    """A message was accepted here; who accepts plans, so nobody else is told."""


class SharedBell(Doorbell):
    """Rung in one process, it is heard in all of them."""

    topic: ClassVar[Topic]

    def __init__(self, others: Wakeups) -> None:
        super().__init__()
        self._others = others
        others.listen(self.topic, super().ring)

    @override
    def ring(self) -> None:
        super().ring()
        self._others.ring(self.topic)


class ReconcilerBell(SharedBell):
    """Work that was waiting may go on, and has to be offered again."""

    topic = Topic.REPLAYED


class LaneBell(SharedBell):
    """A channel was paused or resumed."""

    topic = Topic.SWITCHED
