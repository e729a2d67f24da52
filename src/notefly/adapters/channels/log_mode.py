"""What the built-in channels share: they render exactly what would go out, and send nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from notefly.domain.batch import BATCH_LIMIT
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver

RENDERER_VERSION: Final = 1
"""Moves on when a built-in renderer gives other text for the same message and recipient."""

NO_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType({})


class LogMode:
    """Treats everybody alike and accepts at once: nothing leaves the machine."""

    batch_size: Final = BATCH_LIMIT
    per_recipient: Final = False

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Delivered, for everybody: the log itself is where the message went."""
        return Outcomes(Delivered())
