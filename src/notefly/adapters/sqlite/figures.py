"""Counts, pauses and events in SQLite."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from notefly.adapters.sqlite.database import Database
from notefly.adapters.sqlite.queries import load
from notefly.adapters.sqlite.transaction import (
    Reading,
    Row,
    Transaction,
    maybe_moment,
    micros,
    moment,
)
from notefly.domain.delivery import State, StateCode
from notefly.domain.ids import MessageId, SubscriberId, SubscriberKey, delivery_id
from notefly.domain.log import ChannelFigures, Event
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl, Figures

SQL = load("figures")
EVENTS_KEPT = 100_000
EVENT_AGE = timedelta(hours=1)


class SqliteFigures:
    """See `Figures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def messages(self) -> int:
        return await self._database.read(lambda reading: int(reading.value(SQL["messages"])))

    async def subscribers(self) -> int:
        return await self._database.read(lambda reading: int(reading.value(SQL["subscribers"])))

    async def subscribers_ever(self) -> int:
        return await self._database.read(
            lambda reading: int(reading.value(SQL["subscribers_ever"]))
        )

    async def deliveries(self) -> Mapping[tuple[str, State], int]:
        rows = await self._database.read(lambda reading: reading.rows(SQL["deliveries"]))
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
                    oldest_at=maybe_moment(reading.value(SQL["accepted_at"], (oldest,))),
                )
                for name, paused, ready, in_flight, retrying, left, oldest in reading.rows(
                    SQL["channels"]
                )
            ]

        return await self._database.read(work)


class SqliteControl:
    """See `ChannelControl`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(self, channel: str) -> None:
        await self._database.write(lambda transaction: transaction.run(SQL["pause"], (1, channel)))

    async def resume(self, channel: str) -> None:
        await self._database.write(lambda transaction: transaction.run(SQL["pause"], (0, channel)))

    async def paused(self) -> frozenset[str]:
        rows = await self._database.read(lambda reading: reading.rows(SQL["paused"]))
        return frozenset(row[0] for row in rows)


class SqliteEvents:
    """See `EventLog`. One process owns the file, so what happens is known when it is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> int:
        return await self._database.read(lambda reading: int(reading.value(SQL["last_event"])))

    async def read(self, after: int, limit: int) -> Sequence[Event] | None:
        def work(reading: Reading) -> Sequence[Event] | None:
            first, last = reading.value(SQL["first_event"]), reading.value(SQL["last_event"])
            if not (last if first is None else first - 1) <= after <= last:
                return None
            return [_event(row) for row in reading.rows(SQL["events"], (after, limit))]

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
            return transaction.run(SQL["forget_events"], (EVENTS_KEPT, micros(at - EVENT_AGE)))

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
    figures: SqliteFigures, control: SqliteControl, events: SqliteEvents
) -> tuple[Figures, ChannelControl, EventLog]:
    return figures, control, events
