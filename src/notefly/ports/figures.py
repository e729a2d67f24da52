"""Counts for pages and metrics."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from notefly.domain.delivery import State
from notefly.domain.log import ChannelFigures


class Figures(Protocol):
    """Cheap at any size: no call here counts the rows of a large message."""

    async def messages(self) -> int:
        """Messages ever accepted."""
        ...

    async def subscribers(self) -> int:
        """Subscribers that are not erased."""
        ...

    async def subscribers_ever(self) -> int:
        """Those that were erased included."""
        ...

    async def deliveries(self) -> Mapping[tuple[str, State], int]:
        """How many by channel and terminal state, every round counted."""
        ...

    async def channels(self) -> Sequence[ChannelFigures]:
        """The queue, by channel."""
        ...


class ChannelControl(Protocol):
    """Which channels are paused; it survives restarts."""

    async def pause(self, channel: str) -> None: ...

    async def resume(self, channel: str) -> None: ...

    async def paused(self) -> frozenset[str]: ...
