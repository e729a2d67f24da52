"""What the broker asks a channel's process: hand-overs, and of whom.

`marshal` takes a third of the time of JSON: a process that trusts the broker, and is the same
interpreter, reads it. People whom the process was told of lately are not told again: messages of
one category go to the same ones.
"""

import marshal
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from notefly.domain.batch import Recipient
from notefly.domain.ids import Epoch, MessageId, MessageKey, SubscriberId
from notefly.domain.message import Content, Message
from notefly.ports.channel import HandOver
from notefly.ports.people import People

PLAIN = 2
"""The format of `marshal` that does not look for what occurs twice."""
REMEMBERED = 32
"""Groups of people, of a thousand at most."""
LONGEST = 125_000
"""Characters of one of them; more are told each time, so that a process has room for all."""
Told = tuple[int | None, str | None] | list[tuple[Any, ...]]
"""A place, unless they are not remembered, and the text, unless it is there already; or recipients
by columns."""


class Asker:
    """The broker's side, for one process."""

    def __init__(self) -> None:
        self._places: dict[People, int] = {}

    def pack(self, number: int, begin_before: float, hand_overs: Sequence[HandOver]) -> bytes:
        """`number` is the first one's; it ties the answer to the question.

        `begin_before` is on the clock that all processes of a machine share, `time.monotonic`.
        """
        asked = [(*_about(one), self._tell(one.recipients)) for one in hand_overs]
        return marshal.dumps((number, begin_before, asked), PLAIN)

    def _tell(self, recipients: Sequence[Recipient]) -> Told:
        """Whom the process heard of the longest time ago, it forgets."""
        if not isinstance(recipients, People):
            return [*zip(*recipients, strict=True)]
        if len(recipients.text) > LONGEST:
            return None, recipients.text
        place = self._places.pop(recipients, None)
        text = recipients.text if place is None else None
        if place is None:
            room = len(self._places) < REMEMBERED
            place = len(self._places) if room else self._places.pop(next(iter(self._places)))
        self._places[recipients] = place
        return place, text


class Asked:
    """The process's side. Trusts the broker."""

    def __init__(self) -> None:
        self._people: dict[int | None, People] = {}

    def unpack(self, body: bytes) -> tuple[int, float, list[HandOver]]:
        """Number, until when one may begin, and what is handed over."""
        number, begin_before, asked = marshal.loads(body)  # noqa: S302 - it is the broker's own
        return number, begin_before, [self._hand_over(*one) for one in asked]

    def _hand_over(
        self,
        about: tuple[str, int, int, str],
        content: tuple[str, str, str | None, str | None, str | None],
        attempt: tuple[str, int, int],
        people: Told,
    ) -> HandOver:
        message_id, key, epoch, accepted_at = about
        category, text, title, expires_at, only = content
        message = Message(
            MessageId(message_id),
            MessageKey(key),
            Epoch(epoch),
            datetime.fromisoformat(accepted_at),
            Content(
                category,
                text,
                title,
                None if expires_at is None else datetime.fromisoformat(expires_at),
                None if only is None else SubscriberId(only),
            ),
        )
        return HandOver(message, *attempt, self._recipients(people))

    def _recipients(self, told: Told) -> Sequence[Recipient]:
        if isinstance(told, list):
            return Recipient.from_rows(zip(*told, strict=True))
        place, text = told
        if text is None:
            return self._people[place]
        people = People(text)
        if place is not None:
            self._people[place] = people
        return people


def _about(hand_over: HandOver) -> tuple[object, ...]:
    message, content = hand_over.message, hand_over.message.content
    return (
        (message.id, message.key, message.epoch, message.accepted_at.isoformat()),
        (
            content.category,
            content.body,
            content.title,
            None if content.expires_at is None else content.expires_at.isoformat(),
            content.only,
        ),
        (hand_over.channel, hand_over.attempt, hand_over.size),
    )
