"""The way through the log: messages newest first, only those that the filter can match."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from notefly.adapters.relational.messages import message_of
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.rows import CODES
from notefly.adapters.relational.standing import Place
from notefly.adapters.relational.times import maybe_micros
from notefly.adapters.relational.transaction import Reading
from notefly.domain.delivery import State
from notefly.domain.log import DeliveryFilter

LAST = 2**62
"""Behind every key there can be."""
Stop = tuple[int, int, int]
"""Where a page ended: message, channel, subscriber."""
START: Stop = (LAST, 0, 0)


@dataclass(frozen=True, slots=True)
class Walk:
    """One query of the log, from where its cursor stands."""

    reading: Reading
    wanted: DeliveryFilter
    start: Stop
    categories: Names
    channels: Names

    def places(self) -> Iterator[tuple[Place, int]]:
        """Each message and channel in order, and behind which subscriber to go on."""
        every = [row[0] for row in self.reading.rows("deliveries.channels")]
        chosen = (
            self.channels.find(self.reading, self.wanted.channel) if self.wanted.channel else None
        )
        for message, only in self._messages():
            for channel in every if only is None else (only,):
                if self.wanted.channel is not None and channel != chosen:
                    continue
                if (message, channel) == self.start[:2]:
                    after = self.start[2]
                elif message == self.start[0] and channel < self.start[1]:
                    continue
                else:
                    after = 0
                if place := self._place(message, channel):
                    yield place, after

    def _messages(self) -> Iterator[tuple[int, int | None]]:
        """(message, channel to look at or None for all), newest first."""
        oldest, newest = self._bounds()
        wanted, reading = self.wanted, self.reading
        if newest < oldest:
            return
        if wanted.message is not None:
            yield newest, None
        elif wanted.subscriber is not None:
            yield from self._messages_of_person(oldest, newest)
        elif wanted.state in (State.DEAD, State.CANCELLED):
            yield from self._exceptional(CODES[wanted.state], oldest, newest)
        else:
            if wanted.state in (State.PENDING, State.SENDING, State.RETRYING):
                found = reading.stream("deliveries.newest_open", (newest, oldest))
            elif wanted.category is not None:
                category = self.categories.find(reading, wanted.category)
                found = reading.stream("deliveries.newest_in_category", (category, newest, oldest))
            else:
                found = reading.stream("deliveries.newest", (newest, oldest))
            yield from ((row[0], None) for row in found)

    def _messages_of_person(self, oldest: int, newest: int) -> Iterator[tuple[int, int | None]]:
        """Their intervals say which messages were for them, so the log needs no index on people."""
        person = self.reading.value("deliveries.subscriber_key", (self.wanted.subscriber,))
        streams = [
            self._interval(category, channel, (from_epoch, to_epoch, newest, oldest))
            for category, channel, from_epoch, to_epoch in self.reading.rows(
                "deliveries.history", self._scope(person)
            )
        ]
        yield from heapq.merge(*streams, key=lambda found: (-found[0], found[1]))

    def _scope(self, person: int | None) -> dict[str, int | None]:
        """Whose history, and what of it; a name that was never used matches nothing."""
        category, channel = self.wanted.category, self.wanted.channel
        return {
            "person": person,
            "category": self.categories.find(self.reading, category) or -1 if category else None,
            "channel": self.channels.find(self.reading, channel) or -1 if channel else None,
        }

    def _interval(
        self, category: int, channel: int, span: tuple[int, int, int, int]
    ) -> Iterator[tuple[int, int]]:
        for row in self.reading.stream("deliveries.newest_in_interval", (category, *span)):
            yield row[0], channel

    def _exceptional(self, state: int, oldest: int, newest: int) -> Iterator[tuple[int, None]]:
        while True:
            found = self.reading.value("deliveries.newest_exception", (state, newest))
            if found is None or found < oldest:
                return
            yield found, None
            newest = found - 1

    def _bounds(self) -> tuple[int, int]:
        """The oldest and the newest message key that can match."""
        wanted, newest = self.wanted, self.start[0]
        if wanted.message is not None:
            key = self.reading.value("deliveries.message_key", (UUID(wanted.message).bytes,))
            return (key, key) if key is not None and key <= newest else (1, 0)
        if wanted.since is None and wanted.until is None:
            return 1, newest
        low, high = _uuid_time(wanted.since, 0), _uuid_time(wanted.until, 1)
        first, last = self.reading.row("deliveries.key_range", (low, high)) or (None, None)
        return (1, 0) if first is None else (first, min(last, newest))

    def _place(self, message: int, channel: int) -> Place | None:
        row = self.reading.row("deliveries.message", (message,))
        if row is None or self.wanted.category not in (None, row[2]):
            return None
        since, until = maybe_micros(self.wanted.since), maybe_micros(self.wanted.until)
        if (since is not None and row[4] < since) or (until is not None and row[4] >= until):
            return None
        return Place(message_of(row), row, channel, self.channels.name(self.reading, channel))


def _uuid_time(at: datetime | None, step: int) -> bytes:
    """The smallest UUIDv7 of that millisecond, or of the next one (RFC 9562, section 5.7)."""
    if at is None:
        return b"\xff" * 16 if step else bytes(16)
    milliseconds = int(at.timestamp() * 1000) + step
    return max(0, milliseconds).to_bytes(6, "big") + bytes(10)
