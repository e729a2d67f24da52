"""How a message reaches a person. A team adds a channel as one class that meets `Channel`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from notefly.domain.batch import Recipient
from notefly.domain.ids import DeliveryId, delivery_id
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Outcomes


@dataclass(frozen=True, slots=True)
class HandOver:
    """The part of a batch that is given to a channel in one go.

    `recipients` is empty for a channel that is not `per_recipient`: `size` says how many they are.
    It is a sequence, and not always a list.
    """

    message: Message
    channel: str
    attempt: int
    size: int
    recipients: Sequence[Recipient]

    def delivery_id(self, recipient: Recipient) -> DeliveryId:
        """It never changes, however often this is tried: an idempotency key."""
        return delivery_id(self.message.id, self.channel, recipient.subscriber)


@dataclass(frozen=True, slots=True)
class Rendering:
    """Exactly what would go out, and what is worth knowing about it (segments, bytes, encoding)."""

    content_type: str
    text: str
    facts: Mapping[str, str | int]


class ChannelDied(Exception):  # noqa: N818 - reads as what happened
    """The process of a channel died or hung in the middle of a hand-over."""


class Preparing(Protocol):
    """What a channel may have besides: something to start before people are handed over."""

    async def prepare(self) -> None:
        """Return once `send` can begin at once, or cannot be helped. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """To several hand-overs, in their order; those without one were not begun.

    `error`, if there is one, is about the first that has no answer: that one was begun.
    """

    outcomes: Sequence[Outcomes]
    seconds: Sequence[float]
    """When each came, since they were asked for; no later than that the next was begun."""
    error: ChannelDied | TimeoutError | None = None


class SendingAll(Protocol):
    """What a channel may have besides, as `send_all`: several hand-overs, one after the other."""

    async def __call__(
        self, hand_overs: Sequence[HandOver], begin_within: float, answer_within: float
    ) -> Answers:
        """Begins none later than the first of these times, in seconds from now, nor behind one of
        which nobody was taken; waits no longer than the second.

        An exception of `send` is `Retry` for everybody in that one.
        """
        ...


class Channel(Protocol):
    """Sends, and knows its addresses.

    Only `send` may do I/O. For a channel that is not built in it runs in a process of its own;
    `normalise`, `check` and `render` are pure and quick and run in the broker.
    """

    @property
    def name(self) -> str:
        """What it is called in requests and in the log, see `domain.ids.NAME`."""
        ...

    @property
    def address_kind(self) -> str:
        """The kind of address it needs; channels may share one."""
        ...

    @property
    def batch_size(self) -> int:
        """Subscribers in a batch, 1 to 1,000."""
        ...

    @property
    def per_recipient(self) -> bool:
        """False: it treats everybody alike, needs no recipients and answers once for all."""
        ...

    def normalise(self, address: str) -> str:
        """The one spelling of an address. Raises ValueError with what is wrong."""
        ...

    def check(self, content: Content) -> Mapping[str, str]:
        """What it could not send: `{field: what is wrong}`, empty when all is well."""
        ...

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """A pure function of its arguments: the log shows on reading what went out."""
        ...

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Deliver. An exception counts as `Retry` for everybody in the hand-over."""
        ...
