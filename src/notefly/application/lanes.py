"""The lanes of this process: which channels share one, and which are open."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from notefly.application.alike import DeliverAlike
from notefly.application.chaos import Chaos
from notefly.application.deliver import DeliverBatch
from notefly.application.doorbell import ReconcilerBell
from notefly.application.lane import Lane, Tools
from notefly.application.moment import Moment
from notefly.application.retry import Judge
from notefly.application.trouble import Trouble
from notefly.ports.channel import Channel

PUMPS = 2
"""Groups under way in a lane that treats everybody alike: one is recorded, one is made ready."""
IN_FLIGHT = 4
"""Groups of batches under way at once on a channel that is called."""
DRAIN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of the delivering this process does."""

    channels: frozenset[str]
    at_once: int = IN_FLIGHT
    """Groups of batches under way at once on each channel that is called."""


@dataclass(slots=True)
class Lanes:
    """A channel that misbehaves on purpose has a lane of its own, and its usual one without it."""

    tools: Tools
    judge: Judge
    reconciler: ReconcilerBell
    trouble: Trouble
    chaos: Chaos
    channels: Sequence[Channel]
    at_once: int
    _moment: Moment = field(init=False)
    _usual: list[tuple[Lane, int]] = field(init=False)
    _spoiled: dict[str, Lane] = field(default_factory=dict, init=False)
    """Each made when its channel first misbehaves, and closed while it does not."""
    _paused: frozenset[str] = field(default=frozenset(), init=False)
    _pumping: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    _stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._moment = Moment(self.tools.clock)
        self._usual = [self._lane(group) for group in _grouped(self.channels)]

    def start(self) -> None:
        """Begin to claim and to deliver."""
        self.chaos.obeyed_by(self._choose)
        for lane, pumps in self._usual:
            self._pump(lane, pumps)

    async def stop(self) -> None:
        """Finish the hand-overs under way and record them; what takes longer is taken over."""
        self._stopping = True
        for lane in self._every():
            lane.stop()
        if self._pumping:
            await asyncio.wait(self._pumping, timeout=DRAIN_SECONDS)
        for task in self._pumping:
            task.cancel()
        await asyncio.gather(*self._pumping, return_exceptions=True)

    async def extend(self) -> None:
        """Keep the leases of what is being delivered."""
        for lane in self._every():
            await lane.extend()

    def obey(self, paused: frozenset[str]) -> None:
        """Nothing begins on these from now on."""
        self._paused = paused
        self._choose()

    def _choose(self) -> None:
        """What misbehaves changes its lane."""
        paused, misbehaving = self._paused, self.chaos.misbehaving
        for channel in self.channels:
            if channel.name in misbehaving and channel.name not in self._spoiled:
                self._spoil(channel)
        for lane, _ in self._usual:
            lane.pause(paused | misbehaving)
        for name, lane in self._spoiled.items():
            lane.pause(paused if name in misbehaving else paused | {name})

    def _every(self) -> list[Lane]:
        return [*(lane for lane, _ in self._usual), *self._spoiled.values()]

    def _spoil(self, channel: Channel) -> None:
        lane, pumps = self._lane([self.chaos.spoiled(channel)])
        self._spoiled[channel.name] = lane
        self._pump(lane, pumps)

    def _pump(self, lane: Lane, pumps: int) -> None:
        forever = self.trouble.forever
        self._pumping += [asyncio.create_task(forever(lane.run)) for _ in range(pumps)]

    def _lane(self, channels: Sequence[Channel]) -> tuple[Lane, int]:
        deliver = {channel.name: self._deliver(channel) for channel in channels}
        lane = Lane(self.tools, deliver, self.trouble, self.reconciler)
        return lane, self.at_once if channels[0].per_recipient else PUMPS

    def _deliver(self, channel: Channel) -> DeliverBatch | DeliverAlike:
        tools, deadline = self.tools, self.tools.terms.deadline
        if not channel.per_recipient:
            return DeliverAlike(channel, tools.batches, self.judge, self._moment, deadline)
        return DeliverBatch(
            channel, tools.batches, self.judge, tools.clock, deadline, lambda: self._stopping
        )


def _grouped(channels: Iterable[Channel]) -> list[list[Channel]]:
    """Channels that treat everybody alike share a lane; one that is called has its own."""
    every = list(channels)
    alike = [channel for channel in every if not channel.per_recipient]
    return ([alike] if alike else []) + [[c] for c in every if c.per_recipient]
