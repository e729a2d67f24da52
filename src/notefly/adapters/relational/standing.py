"""Where a delivery stands: a row, or what is derived from the batch that will answer for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


def found(row: Row, work: Work | None) -> Found:
    """What stands behind a row of `audience`, whose columns are empty where there is no row."""
    subscriber, state, reason, batch, attempt, round_, detail = row
    if _ended(row):
        return Found(
            subscriber, StateCode(state).state, reason_of(reason), batch, attempt, round_, detail
        )
    if work is None:
        return Found(subscriber, State.PENDING, None, None, 0, 1, None)
    return Found(
        subscriber, work.standing, None, work.key, work.attempts, round_ or 1, detail, work
    )


def all_found(reading: Reading, place: Place, rows: Sequence[Row]) -> list[Found]:
    """The same for many; who has no end yet is looked up together."""
    waiting = [
        (row[3], place.message.key, place.channel, row[0]) for row in rows if not _ended(row)
    ]
    answering = reading.each("deliveries.answering", waiting) if waiting else []
    # Nobody answers while it is not planned.
    works = iter([None if row[0] is None else Work(*row) for row in answering])
    return [found(row, None if _ended(row) else next(works)) for row in rows]


def _ended(row: Row) -> bool:
    return row[1] is not None and StateCode(row[1]).state.terminal


class About(NamedTuple):
    """What a line says besides its own row; the columns of `about`."""

    person: str | None
    name: str | None
    address: str | None
    """The revision that was used; before that, the one that would be."""
    claimed_at: int | None
    """None: there was no attempt."""
    attempt_ended_at: int | None
    attempt_detail: str | None
    handed_detail: str | None
    """Of the hand-over that this person was in."""
    batch_ended_at: int | None


@dataclass(frozen=True, slots=True)
class Teller:
    """Turns what was found into lines of the log."""

    channels: Names
    kinds: Mapping[str, str]

    def told(self, reading: Reading, lines: Sequence[tuple[Place, Found]]) -> list[LoggedDelivery]:
        """Everything a reader of the log wants to know, from one moment and in one look."""
        asked = [
            (at.subscriber, at.batch, at.attempt, self.kinds.get(place.name), at.state.terminal)
            for place, at in lines
        ]
        found = [About(*row) for row in reading.each("deliveries.about", asked)] if asked else []
        return [
            self._line(place, at, about) for (place, at), about in zip(lines, found, strict=True)
        ]

    @staticmethod
    def _line(place: Place, at: Found, about: About) -> LoggedDelivery:
        detail = at.detail or about.handed_detail or about.attempt_detail
        if at.state in (State.PENDING, State.SENDING):
            detail = None
        return LoggedDelivery(
            id=delivery_id(place.message.id, place.name, at.subscriber),
            message_id=place.message.id,
            category=place.message.content.category,
            channel=place.name,
            subscriber_key=at.subscriber,
            subscriber_id=None if about.person is None else SubscriberId(about.person),
            subscriber_name=about.name,
            address=about.address,
            state=at.state,
            attempts=at.attempt,
            updated_at=moment(_updated(place, at, about)),
            detail=_words(at, detail),
            reason=at.reason,
            round=at.round,
            next_try_at=maybe_moment(at.work.due_at) if at.work else None,
        )


def _updated(place: Place, at: Found, about: About) -> int:
    """When its row was last written, or its batch last changed hands."""
    if at.reason in WORDS and about.batch_ended_at is not None:
        # It may have ended without an attempt of its own: with its batch, then.
        return about.batch_ended_at
    return about.attempt_ended_at or about.claimed_at or int(place.row[4])


def _words(at: Found, detail: str | None) -> str | None:
    """What was cancelled was not refused: an older answer of the channel is no reason for it."""
    if at.reason not in WORDS:
        return detail
    return WORDS[at.reason] if at.state is State.CANCELLED else detail or WORDS[at.reason]
