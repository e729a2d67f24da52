"""Where a delivery stands: a row, or what is derived from the batch that will answer for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from notefly.adapters.relational.names import Names
from notefly.adapters.relational.rows import HALF, LEASED, WAITING_HALF, reason_of
from notefly.adapters.relational.times import maybe_moment, moment
from notefly.adapters.relational.transaction import Reading, Row
from notefly.domain.delivery import Reason, State, StateCode
from notefly.domain.ids import SubscriberId, SubscriberKey, delivery_id
from notefly.domain.log import LoggedDelivery
from notefly.domain.message import Message

WORDS: Mapping[Reason | None, str] = {
    Reason.UNSUBSCRIBED: "unsubscribed before it was handed over",
    Reason.STOPPED: "the message was cancelled before it was handed over",
    Reason.EXPIRED: "expired before it could be handed over",
}


@dataclass(frozen=True, slots=True)
class Work:
    """A batch as the log sees it; the columns of `batch` in deliveries.sql."""

    key: int
    kind: int
    first: int
    last: int
    state: int
    base: int
    attempts: int
    spent: int
    due_at: int | None
    parent: int | None = None

    @property
    def standing(self) -> State:
        """What its open members are: the same rule as `counts` in messages.sql."""
        if self.state == LEASED:
            return State.SENDING
        if self.spent:
            return State.RETRYING
        if self.attempts > self.base or self.kind in (HALF, WAITING_HALF):
            return State.SENDING
        return State.PENDING


@dataclass(frozen=True, slots=True)
class Place:
    """A message on one channel: the part of the log that is read in one go."""

    message: Message
    row: Row
    channel: int
    name: str

    @property
    def scope(self) -> dict[str, int]:
        return {
            "message": self.message.key,
            "channel": self.channel,
            "category": self.row[10],
            "epoch": self.message.epoch,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """One delivery of a place: its row's columns, or the batch that answers for it."""

    subscriber: SubscriberKey
    state: State
    reason: Reason | None
    batch: int | None
    attempt: int
    round: int
    detail: str | None
    work: Work | None = None


def found(reading: Reading, place: Place, row: Row, work: Work | None = None) -> Found:
    """What stands behind a row of `audience`, whose columns are empty where there is no row."""
    subscriber, state, reason, batch, attempt, round_, detail = row
    if state is not None and StateCode(state).state.terminal:
        return Found(
            subscriber, StateCode(state).state, reason_of(reason), batch, attempt, round_, detail
        )
    if work is None:
        work = work_of(reading, place, subscriber, batch)
    if work is None:
        return Found(subscriber, State.PENDING, None, None, 0, 1, None)
    return Found(
        subscriber, work.standing, None, work.key, work.attempts, round_ or 1, detail, work
    )


def work_of(reading: Reading, place: Place, subscriber: int, batch: int | None) -> Work | None:
    """The batch that answers for somebody who has no end yet; None while it is not planned."""
    if batch is not None:
        row = reading.row("deliveries.batch", (batch,))
    else:
        row = reading.row(
            "deliveries.covering", (place.message.key, place.channel, subscriber, subscriber)
        )
    return None if row is None else Work(*row)


@dataclass(frozen=True, slots=True)
class Teller:
    """Turns what was found into lines of the log."""

    channels: Names
    kinds: Mapping[str, str]

    def line(self, reading: Reading, place: Place, at: Found) -> LoggedDelivery:
        """Everything a reader of the log wants to know, from one moment."""
        person = reading.row("deliveries.person", (at.subscriber,)) or (None, None)
        attempt = reading.row("deliveries.attempt", (at.batch, at.attempt)) if at.attempt else None
        started = self.handed(reading, at, attempt)
        detail = at.detail or (started[2] if started else None) or (attempt[7] if attempt else None)
        if at.state in (State.PENDING, State.SENDING):
            detail = None
        return LoggedDelivery(
            id=delivery_id(place.message.id, place.name, at.subscriber),
            message_id=place.message.id,
            category=place.message.content.category,
            channel=place.name,
            subscriber_key=at.subscriber,
            subscriber_id=None if person[0] is None else SubscriberId(person[0]),
            address=self._address(reading, place, at, started),
            state=at.state,
            attempts=at.attempt,
            updated_at=moment(self._updated(reading, place, at, attempt)),
            detail=_words(at, detail),
            reason=at.reason,
            round=at.round,
            next_try_at=maybe_moment(at.work.due_at) if at.work else None,
        )

    @staticmethod
    def handed(reading: Reading, at: Found, attempt: Row | None) -> Row | None:
        """(started_at, epoch, detail) of the hand-over that this person was in."""
        if attempt is None:
            return None
        if attempt[3] is not None:
            return attempt[3], attempt[4], attempt[7]
        key = (at.batch, attempt[0], at.subscriber, at.subscriber)
        return reading.row("deliveries.handover", key)

    def _address(
        self, reading: Reading, place: Place, at: Found, started: Row | None
    ) -> str | None:
        """The revision that was used; before that, the one that would be."""
        epoch = started[1] if started and at.state.terminal else reading.epoch
        kind = self.kinds.get(place.name)
        value: str | None = reading.value("deliveries.address", (at.subscriber, kind, epoch, epoch))
        return value

    @staticmethod
    def _updated(reading: Reading, place: Place, at: Found, attempt: Row | None) -> int:
        """When its row was last written, or its batch last changed hands."""
        if at.reason in WORDS:
            # It may have ended without an attempt of its own: with its batch, then.
            ended_at = reading.value("deliveries.ended", (at.batch,))
            if ended_at is not None:
                return int(ended_at)
        if attempt is None:
            return int(place.row[4])
        claimed_at, ended_at = attempt[2], attempt[5]
        return int(ended_at or claimed_at)


def _words(at: Found, detail: str | None) -> str | None:
    """What was cancelled was not refused: an older answer of the channel is no reason for it."""
    if at.reason not in WORDS:
        return detail
    return WORDS[at.reason] if at.state is State.CANCELLED else detail or WORDS[at.reason]
