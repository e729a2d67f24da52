"""What the log answers: read-only views, made for people and scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from notefly.domain.delivery import MessageState, Reason, State
from notefly.domain.ids import DeliveryId, MessageId, SubscriberId, SubscriberKey
from notefly.domain.message import Message

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `next` is an opaque cursor, None at the end.

    A page may hold fewer items than asked for and still have a next one.
    """

    items: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """All that are given must hold. `since` and `until` are about when the message was accepted."""

    message: MessageId | None = None
    subscriber: SubscriberId | None = None
    category: str | None = None
    channel: str | None = None
    state: State | None = None
    since: datetime | None = None
    until: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    """A line of the log. Who it is and `address` are None once the person was erased."""

    id: DeliveryId
    message_id: MessageId
    category: str
    channel: str
    subscriber_key: SubscriberKey
    subscriber_id: SubscriberId | None
    subscriber_name: str | None
    address: str | None
    state: State
    attempts: int
    updated_at: datetime
    detail: str | None = None
    reason: Reason | None = None
    round: int = 1
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """One try. `started_at` is when this recipient was handed over; None if they never were."""

    number: int
    worker: str
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    ending: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class EarlierRound:
    """How a round ended that a replay reopened."""

    round: int
    state: State
    reason: Reason | None
    detail: str | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryStory:
    """Everything that is known of one delivery."""

    delivery: LoggedDelivery
    message: Message
    attempts: Sequence[LoggedAttempt]
    rounds: Sequence[EarlierRound]


@dataclass(frozen=True, slots=True)
class MessageStatus:
    """What became of a message. `total` and `batches` are None until its audience is planned."""

    message: Message
    state: MessageState
    total: int | None
    by_channel: Mapping[str, Mapping[State, int]] = field(default_factory=dict)
    cancelled_at: datetime | None = None
    batches: int | None = None
    """Into how many the audience was cut; those of retries are not counted."""

    @property
    def by_state(self) -> dict[State, int]:
        """The channels added up."""
        counts = dict.fromkeys(State, 0)
        for states in self.by_channel.values():
            for state, n in states.items():
                counts[state] += n
        return counts


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters that died of the same reason on the same channel, with one as a sample."""

    channel: str
    reason: Reason
    count: int
    sample: DeliveryId
    detail: str | None


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """One channel of the queue: batches that are ready, leased and waiting for a retry."""

    channel: str
    paused: bool
    ready: int
    in_flight: int
    retrying: int
    deliveries_open: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about a batch, or about one delivery if there is one; ids follow the commits."""

    id: int
    at: datetime
    message: MessageId
    category: str
    channel: str
    state: State
    count: int
    delivery: DeliveryId | None = None
    subscriber: SubscriberId | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who a message would reach right now; `sample` holds a few of them."""

    subscribers: int
    by_channel: Mapping[str, int]
    sample: Sequence[SubscriberId]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant of the promise that does not hold, and where.

    Message, channel and subscriber by the names that the API has for them, `#` and the store's key
    where there is none, None where it is not about one.
    """

    invariant: str
    detail: str
    message: str | None = None
    channel: str | None = None
    subscriber: str | None = None

    @property
    def words(self) -> str:
        """In one line."""
        place = [
            f"{kind} {name}"
            for kind, name in (
                ("message", self.message),
                ("channel", self.channel),
                ("subscriber", self.subscriber),
            )
            if name is not None
        ]
        return ": ".join(filter(None, (", ".join(place), self.detail)))


@dataclass(frozen=True, slots=True)
class Looked:
    """So many more of a unit (such as deliveries) were looked at, for one part of an invariant."""

    invariant: str
    part: str
    unit: str
    count: int


@dataclass(frozen=True, slots=True)
class Proved:
    """An invariant was checked to its end: how much was looked at by unit, and what was found."""

    invariant: str
    looked: Mapping[str, int]
    violations: int

    @property
    def holds(self) -> bool:
        return self.violations == 0
