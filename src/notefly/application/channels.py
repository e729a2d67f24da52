"""Hold a channel back, and let it go on."""

from dataclasses import dataclass

from notefly.application.catalogue import Catalogue
from notefly.application.doorbell import LaneBell
from notefly.ports.figures import ChannelControl


@dataclass(frozen=True, slots=True)
class SwitchChannel:
    """A paused channel keeps its batches; nothing is lost and nothing is tried."""

    catalogue: Catalogue
    control: ChannelControl
    lanes: LaneBell

    async def pause(self, name: str) -> None:
        """Raises NotFound."""
        await self.control.pause(self.catalogue.channel(name).name)
        self.lanes.ring()

    async def resume(self, name: str) -> None:
        """Raises NotFound."""
        await self.control.resume(self.catalogue.channel(name).name)
        self.lanes.ring()

    async def paused(self) -> frozenset[str]:
        return await self.control.paused()
