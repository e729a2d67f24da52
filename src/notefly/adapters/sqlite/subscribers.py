"""Subscribers in SQLite: profiles, addresses and choices as intervals of epochs."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from notefly.adapters.sqlite.cursors import decode, encode
from notefly.adapters.sqlite.database import Database
from notefly.adapters.sqlite.names import Names
from notefly.adapters.sqlite.queries import load
from notefly.adapters.sqlite.transaction import Reading, Row, Transaction, micros, moment
from notefly.domain.errors import Conflict
from notefly.domain.ids import Epoch, SubscriberId, SubscriberKey
from notefly.domain.log import Audience, Page
from notefly.domain.subscriber import Preferences, Profile, Subscriber
from notefly.ports.subscriber_store import SubscriberStore

SQL = load("subscribers")


class SqliteSubscribers:
    """See `SubscriberStore`."""

    def __init__(self, database: Database, categories: Names, channels: Names) -> None:
        self._database = database
        self._categories = categories
        self._channels = channels

    async def add(self, profiles: Sequence[Profile], at: datetime) -> Sequence[Subscriber]:
        def work(transaction: Transaction) -> Sequence[Subscriber]:
            epoch = transaction.next_epoch()
            return [self._add(transaction, profile, epoch, at) for profile in profiles]

        return await self._database.write(work)

    async def put(self, profile: Profile, at: datetime) -> tuple[Subscriber, bool]:
        def work(transaction: Transaction) -> tuple[Subscriber, bool]:
            known = _find(transaction, profile.id)
            epoch = transaction.next_epoch()
            if known is None:
                return self._add(transaction, profile, epoch, at), True
            return self._replace(transaction, known, profile, epoch, at), False

        return await self._database.write(work)

    async def revise(
        self,
        subscriber: SubscriberId,
        change: Callable[[Profile], Profile],
        at: datetime,
        only: SubscriberKey | None = None,
    ) -> Subscriber | None:
        def work(transaction: Transaction) -> Subscriber | None:
            known = _find(transaction, subscriber)
            if known is None or only not in (None, known.key):
                return None
            revised = change(known.profile)
            return self._replace(transaction, known, revised, transaction.next_epoch(), at)

        return await self._database.write(work)

    async def get(self, subscriber: SubscriberId) -> Subscriber | None:
        return await self._database.read(lambda reading: _find(reading, subscriber))

    async def list(self, limit: int, cursor: str | None) -> Page[Subscriber]:
        after = decode(cursor, 1)[0] if cursor else 0

        def work(reading: Reading) -> Page[Subscriber]:
            rows = reading.rows(SQL["page"], (after, limit + 1))
            following = encode(rows[limit - 1][0]) if len(rows) > limit else None
            return Page([_subscriber(reading, row) for row in rows[:limit]], following)

        return await self._database.read(work)

    async def erase(self, subscriber: SubscriberId, at: datetime) -> bool:
        def work(transaction: Transaction) -> bool:
            known = _find(transaction, subscriber)
            if known is None:
                return False
            self._choose(transaction, known.key, Preferences(), transaction.next_epoch())
            transaction.run(SQL["forget_addresses"], (known.key,))
            transaction.run(SQL["erase"], (micros(at), micros(at), known.key))
            transaction.erased = True
            return True

        return await self._database.write(work)

    async def audience(self, category: str, only: SubscriberId | None, sample: int) -> Audience:
        def work(reading: Reading) -> Audience:
            key = self._categories.find(reading, category)
            known = None if only is None else _find(reading, only)
            one = None if only is None else (known.key if known else 0)
            return Audience(
                subscribers=reading.value(SQL["audience_people"], (key, one, one)),
                by_channel=dict(reading.rows(SQL["audience"], (key, one, one))),
                sample=[
                    row[0] for row in reading.rows(SQL["audience_sample"], (one, one, key, sample))
                ],
            )

        return await self._database.read(work)

    def _add(
        self, transaction: Transaction, profile: Profile, epoch: Epoch, at: datetime
    ) -> Subscriber:
        if _find(transaction, profile.id) is not None:
            raise Conflict(f"there is already a subscriber {profile.id!r}")
        key = SubscriberKey(
            transaction.insert(SQL["add"], (profile.id, *_columns(profile), micros(at), micros(at)))
        )
        self._choose(transaction, key, profile.preferences, epoch)
        _address(transaction, key, {}, profile.addresses, epoch)
        return Subscriber(key, profile, at, at)

    def _replace(
        self,
        transaction: Transaction,
        known: Subscriber,
        profile: Profile,
        epoch: Epoch,
        at: datetime,
    ) -> Subscriber:
        transaction.run(SQL["change"], (*_columns(profile), micros(at), known.key))
        self._choose(transaction, known.key, profile.preferences, epoch)
        _address(transaction, known.key, known.profile.addresses, profile.addresses, epoch)
        return Subscriber(known.key, profile, known.created_at, at)

    def _choose(
        self, transaction: Transaction, key: SubscriberKey, preferences: Preferences, epoch: Epoch
    ) -> None:
        """Close the intervals that are not wanted any more, and open the new ones."""
        wanted = {
            (
                self._categories.make(transaction, category),
                self._channels.make(transaction, channel),
            )
            for category, channel in sorted(preferences.choices())
        }
        standing = set(transaction.rows(SQL["open_choices"], (key,)))
        for category, channel in sorted(standing - wanted):
            transaction.run(SQL["close_choice"], (epoch, category, channel, key))
        for category, channel in sorted(wanted - standing):
            transaction.run(SQL["open_choice"], (category, channel, key, epoch))


def _address(
    transaction: Transaction,
    key: SubscriberKey,
    old: Mapping[str, str],
    new: Mapping[str, str],
    epoch: Epoch,
) -> None:
    for kind in sorted(old.keys() | new.keys()):
        if old.get(kind) == new.get(kind):
            continue
        if kind in old:
            transaction.run(SQL["close_address"], (epoch, key, kind))
        if kind in new:
            transaction.run(SQL["open_address"], (key, kind, epoch, new[kind]))


def _find(reading: Reading, subscriber: SubscriberId) -> Subscriber | None:
    row = reading.row(SQL["by_id"], (subscriber,))
    return None if row is None else _subscriber(reading, row)


def _columns(profile: Profile) -> tuple[Any, ...]:
    preferences = profile.preferences
    overrides = {c: sorted(chosen) for c, chosen in sorted(preferences.overrides.items())}
    return (
        profile.name,
        json.dumps(sorted(preferences.categories)),
        json.dumps(sorted(preferences.channels)),
        json.dumps(overrides),
        profile.mock,
    )


def _subscriber(reading: Reading, row: Row) -> Subscriber:
    key, subscriber, name, categories, channels, overrides, mock, created_at, updated_at = row
    return Subscriber(
        key=SubscriberKey(key),
        profile=Profile(
            id=SubscriberId(subscriber),
            name=name,
            addresses=dict(reading.rows(SQL["addresses"], (key,))),
            preferences=Preferences(
                frozenset(json.loads(categories)),
                frozenset(json.loads(channels)),
                {c: frozenset(chosen) for c, chosen in json.loads(overrides).items()},
            ),
            mock=bool(mock),
        ),
        created_at=moment(created_at),
        updated_at=moment(updated_at),
    )


def _meets(store: SqliteSubscribers) -> SubscriberStore:
    return store
