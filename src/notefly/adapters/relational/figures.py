"""Counts, pauses and events."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from notefly.adapters.relational.times import maybe_moment, micros, moment
from notefly.adapters.relational.transaction import Database, Reading, Row, Transaction
from notefly.domain.delivery import State, StateCode
from notefly.domain.ids import MessageId, SubscriberId, SubscriberKey, delivery_id
from notefly.domain.log import ChannelFigures, Event
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl, Figures

EVENTS_KEPT = 100_000
EVENT_AGE = timedelta(hours=1)


class RelationalFigures:
    """See `Figures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def messages(self) -> int:
        return await self._database.read(lambda reading: int(reading.value("figures.messages")))

    async def subscribers(self) -> int:
        return await self._database.read(lambda reading: int(reading.value("figures.subscribers")))

    async def subscribers_ever(self) -> int:
        return await self._database.read(
            lambda reading: int(reading.value("figures.subscribers_ever"))
        )

    async def deliveries(self) -> Mapping[tuple[str, State], int]:
        rows = await self._database.read(lambda reading: reading.rows("figures.deliveries"))
        return {(channel, StateCode(state).state): n for channel, state, n in rows}

    async def channels(self) -> Sequence[ChannelFigures]:
        def work(reading: Reading) -> Sequence[ChannelFigures]:
            return [
                ChannelFigures(
                    channel=name,
                    paused=bool(paused),
                    ready=ready,
                    in_flight=in_flight,
                    retrying=retrying,
                    deliveries_open=left,
                    oldest_at=maybe_moment(reading.value("figures.accepted_at", (oldest,))),
                )
                for name, paused, ready, in_flight, retrying, left, oldest in reading.rows(
                    "figures.channels"
                )
            ]

        return await self._database.read(work)


class RelationalControl:
    """See `ChannelControl`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, channel: str) -> None:
        await self._database.write(
            lambda transaction: transaction.run("figures.pause", (True, channel))
        )

    async def resume(self, channel: str) -> None:
        await self._database.write(
            lambda transaction: transaction.run("figures.pause", (False, channel))
        )

    async def paused(self) -> frozenset[str]:
        rows = await self._database.read(lambda reading: reading.rows("figures.paused"))
        return frozenset(row[0] for row in rows)


class RelationalEvents:
    """See `EventLog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> int:
        return await self._database.read(lambda reading: int(reading.value("figures.last_event")))

    async def read(self, after: int, limit: int) -> Sequence[Event] | None:
        def work(reading: Reading) -> Sequence[Event] | None:
            first, last = reading.value("figures.first_event"), reading.value("figures.last_event")
            if not (last if first is None else first - 1) <= after <= last:
                return None
            return [_event(row) for row in reading.rows("figures.events", (after, limit))]

        return await self._database.read(work)

    async def watch(self) -> AsyncIterator[None]:
        woken = self._database.watch()
        try:
            while True:
                yield
                await woken.wait()
                woken.clear()
        finally:
            self._database.unwatch(woken)

    async def forget(self, at: datetime) -> None:
        """Drop the events that are not kept any more."""

        def work(transaction: Transaction) -> int:
            return transaction.run("figures.forget_events", (EVENTS_KEPT, micros(at - EVENT_AGE)))

        await self._database.write(work, urgent=False)


def _event(row: Row) -> Event:
    key, at, message, category, channel, state, count, subscriber, person = row
    message_id = MessageId(str(UUID(bytes=message)))
    return Event(
        id=key,
        at=moment(at),
        message=message_id,
        category=category,
        channel=channel,
        state=StateCode(state).state,
        count=count,
        delivery=None
        if subscriber is None
        else delivery_id(message_id, channel, SubscriberKey(subscriber)),
        subscriber=None if person is None else SubscriberId(person),
    )


def _meets(
    figures: RelationalFigures, control: RelationalControl, events: RelationalEvents
) -> tuple[Figures, ChannelControl, EventLog]:
    return figures, control, events
