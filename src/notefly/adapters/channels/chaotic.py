"""A channel in log mode, made to misbehave: the same channel with trouble around it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from notefly.adapters.channels.log_mode import LogMode
from notefly.domain.batch import Recipient
from notefly.domain.chaos import Dials
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import Channel, HandOver, Rendering

TIMEOUT_SECONDS = 2.0
"""A real one would be the provider's; nobody wants to wait a minute to see one."""
BUSY = Retry("chaos: the provider is busy (503)")
REFUSED = Refused("chaos: the provider refuses the address (550)")
SILENCE = Retry(f"chaos: no answer within {TIMEOUT_SECONDS:g} s")


@dataclass(frozen=True, slots=True)
class ChaoticChannel:
    """Decorates a channel that sends nothing.

    It is called person by person even where the channel treats everybody alike, so that a share
    of the people is met, and not all of a batch or none.
    """

    channel: Channel
    dials: Callable[[], Dials]
    wait: Callable[[float], Awaitable[None]]
    chance: Callable[[], float]
    """Uniform in [0, 1)."""

    @property
    def name(self) -> str:
        return self.channel.name

    @property
    def address_kind(self) -> str:
        return self.channel.address_kind

    @property
    def batch_size(self) -> int:
        return self.channel.batch_size

    @property
    def per_recipient(self) -> bool:
        return True

    def normalise(self, address: str) -> str:
        return self.channel.normalise(address)

    def check(self, content: Content) -> Mapping[str, str]:
        return self.channel.check(content)

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        return self.channel.render(message, recipient)

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Late, not at all, or with trouble for some; the others get what the channel answers."""
        dials = self.dials()
        if dials.latency_seconds:
            await self.wait(dials.latency_seconds)
        if self.chance() < dials.timeout_rate:
            await self.wait(TIMEOUT_SECONDS)
            return Outcomes(SILENCE)
        troubles = {
            person.subscriber: trouble
            for person in hand_over.recipients
            if (trouble := self._trouble(dials)) is not None
        }
        spared = [one for one in hand_over.recipients if one.subscriber not in troubles]
        answered = Outcomes(Delivered())
        if spared:
            answered = await self.channel.send(
                replace(hand_over, size=len(spared), recipients=spared)
            )
        return Outcomes(answered.default, {**answered.exceptions, **troubles})

    def _trouble(self, dials: Dials) -> Outcome | None:
        drawn = self.chance()
        if drawn < dials.failure_rate:
            return BUSY
        return REFUSED if drawn < dials.failure_rate + dials.refusal_rate else None


def obstacle(channels: Iterable[Channel], mine: frozenset[str]) -> str:
    """Why nothing may be spoiled here; empty where all that is configured is in log mode."""
    real = [channel.name for channel in channels if not isinstance(channel, LogMode)]
    if real:
        return (
            f"chaos is for log mode only, and {', '.join(real)} may really send: "
            "take it off NOTEFLY_CHANNELS and start the broker again"
        )
    if not mine:
        return (
            "this broker delivers nothing itself, so there is nothing to spoil here: "
            "start it with NOTEFLY_BROKER_DELIVERS=1"
        )
    return ""


def _meets(channel: ChaoticChannel) -> Channel:
    return channel
