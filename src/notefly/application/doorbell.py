"""How one part of the process tells another that there is something to do."""

import asyncio


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
    """A message was accepted."""


class ReconcilerBell(Doorbell):
    """Work that was waiting may go on, and has to be offered again."""


class LaneBell(Doorbell):
    """A channel was paused or resumed."""
