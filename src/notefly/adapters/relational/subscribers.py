"""Subscribers: profiles, addresses and choices as intervals of epochs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notefly.adapters.relational.cursors import decode, encode
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.times import micros, moment
from notefly.adapters.relational.transaction import Database, Reading, Row, Transaction
from notefly.domain.errors import Conflict
from notefly.domain.ids import Epoch, SubscriberId, SubscriberKey
from notefly.domain.log import Audience, Page
from notefly.domain.subscriber import Preferences, Profile, Subscriber
from notefly.ports.subscriber_store import SubscriberStore

Choice = tuple[int, int]
"""Category and channel, by key."""


class RelationalSubscribers:
    """See `SubscriberStore`."""

    def __init__(self, database: Database, categories: Names, channels: Names) -> None:
        self._database = database
        self._categories = categories
        self._channels = channels

    async def add(self, profiles: Sequence[Profile], at: datetime) -> Sequence[Subscriber]:
        def work(transaction: Transaction) -> Sequence[Subscriber]:
            transaction.hold_epoch()
            return self._add(transaction, profiles, at)

        return await self._database.write(work)

    async def put(self, profile: Profile, at: datetime) -> tuple[Subscriber, bool]:
        def work(transaction: Transaction) -> tuple[Subscriber, bool]:
            transaction.hold_epoch()
            known = _find(transaction, profile.id)
            if known is None:
                return self._add(transaction, [profile], at)[0], True
            return self._replace(transaction, known, profile, at), False

        return await self._database.write(work)

    async def revise(
        self,
        subscriber: SubscriberId,
        change: Callable[[Profile], Profile],
        at: datetime,
        only: SubscriberKey | None = None,
    ) -> Subscriber | None:
        def work(transaction: Transaction) -> Subscriber | None:
            transaction.hold_epoch()
            known = _find(transaction, subscriber)
            if known is None or only not in (None, known.key):
                return None
            return self._replace(transaction, known, change(known.profile), at)

        return await self._database.write(work)

    async def get(self, subscriber: SubscriberId) -> Subscriber | None:
        return await self._database.read(lambda reading: _find(reading, subscriber))

    async def list(
        self, limit: int, cursor: str | None, text: str | None = None
    ) -> Page[Subscriber]:
        after = decode(cursor, 1)[0] if cursor else 0

        def work(reading: Reading) -> Page[Subscriber]:
            if text is None:
                rows = reading.rows("subscribers.page", (after, limit + 1))
            else:
                rows = reading.rows("subscribers.found", (after, text, text, limit + 1))
            following = encode(rows[limit - 1][0]) if len(rows) > limit else None
            return Page([_subscriber(row) for row in rows[:limit]], following)

        return await self._database.read(work)

    async def erase(self, subscriber: SubscriberId, at: datetime) -> bool:
        def work(transaction: Transaction) -> bool:
            transaction.hold_epoch()
            known = _find(transaction, subscriber)
            if known is None:
                return False
            changes = Changes(transaction.next_epoch())
            changes.choose(known.key, self._standing(transaction, known.key), set())
            changes.store(transaction)
            transaction.run("subscribers.forget_addresses", (known.key,))
            transaction.run("subscribers.erase", (micros(at), micros(at), known.key))
            transaction.forget()
            return True

        return await self._database.write(work)

    async def audience(self, category: str, only: SubscriberId | None, sample: int) -> Audience:
        def work(reading: Reading) -> Audience:
            key = self._categories.find(reading, category)
            known = None if only is None else _find(reading, only)
            one = None if only is None else (known.key if known else 0)
            return Audience(
                subscribers=reading.value("subscribers.audience_people", (key, one, one)),
                by_channel=dict(reading.rows("subscribers.audience", (key, one, one))),
                sample=[
                    row[0]
                    for row in reading.rows("subscribers.audience_sample", (one, one, key, sample))
                ],
            )

        return await self._database.read(work)

    def _add(
        self, transaction: Transaction, profiles: Sequence[Profile], at: datetime
    ) -> Sequence[Subscriber]:
        _refuse_taken(transaction, profiles)
        changes = Changes(transaction.next_epoch())
        first = transaction.value("subscribers.last_key") + 1
        people = [
            Subscriber(SubscriberKey(key), profile, at, at)
            for key, profile in enumerate(profiles, first)
        ]
        transaction.many(
            "subscribers.add",
            [
                (one.key, one.profile.id, *_columns(one.profile), micros(at), micros(at))
                for one in people
            ],
        )
        for one in people:
            changes.choose(one.key, set(), self._wanted(transaction, one.profile))
            changes.move(one.key, {}, one.profile.addresses)
        changes.store(transaction)
        return people

    def _replace(
        self, transaction: Transaction, known: Subscriber, profile: Profile, at: datetime
    ) -> Subscriber:
        transaction.run("subscribers.change", (*_columns(profile), micros(at), known.key))
        changes = Changes(transaction.next_epoch())
        standing = self._standing(transaction, known.key)
        changes.choose(known.key, standing, self._wanted(transaction, profile))
        changes.move(known.key, known.profile.addresses, profile.addresses)
        changes.store(transaction)
        return Subscriber(known.key, profile, known.created_at, at)

    def _wanted(self, transaction: Transaction, profile: Profile) -> set[Choice]:
        return {
            (
                self._categories.make(transaction, category),
                self._channels.make(transaction, channel),
            )
            for category, channel in sorted(profile.preferences.choices())
        }

    @staticmethod
    def _standing(transaction: Transaction, key: SubscriberKey) -> set[Choice]:
        return {(row[0], row[1]) for row in transaction.rows("subscribers.open_choices", (key,))}


@dataclass(slots=True)
class Changes:
    """Intervals to open and to close at an epoch, written together however many people they are."""

    epoch: Epoch
    closed: list[Row] = field(default_factory=list)
    opened: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    reached: list[Row] = field(default_factory=list)

    def choose(self, key: SubscriberKey, standing: set[Choice], wanted: set[Choice]) -> None:
        """Close what is not wanted any more, and open what is new."""
        self.closed += ((self.epoch, *choice, key) for choice in sorted(standing - wanted))
        self.opened += ((*choice, key, self.epoch) for choice in sorted(wanted - standing))

    def move(self, key: SubscriberKey, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """The same for addresses."""
        for kind in sorted(old.keys() | new.keys()):
            if old.get(kind) == new.get(kind):
                continue
            if kind in old:
                self.left.append((self.epoch, key, kind))
            if kind in new:
                self.reached.append((key, kind, self.epoch, new[kind]))

    def store(self, transaction: Transaction) -> None:
        """In the commit that moves the epoch on."""
        for statement, rows in (
            ("subscribers.close_choice", self.closed),
            ("subscribers.open_choice", self.opened),
            ("subscribers.close_address", self.left),
            ("subscribers.open_address", self.reached),
        ):
            if rows:
                transaction.many(statement, rows)


def _refuse_taken(transaction: Transaction, profiles: Sequence[Profile]) -> None:
    asked = json.dumps([profile.id for profile in profiles])
    taken = {row[0] for row in transaction.rows("subscribers.taken", (asked,))}
    for profile in profiles:
        if profile.id in taken:
            raise Conflict(f"there is already a subscriber {profile.id!r}")
        taken.add(profile.id)


def _find(reading: Reading, subscriber: SubscriberId) -> Subscriber | None:
    row = reading.row("subscribers.by_id", (subscriber,))
    return None if row is None else _subscriber(row)


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


def _subscriber(row: Row) -> Subscriber:
    key, subscriber, name, categories, channels, overrides, mock, created_at, updated_at = row[:9]
    return Subscriber(
        key=SubscriberKey(key),
        profile=Profile(
            id=SubscriberId(subscriber),
            name=name,
            addresses=json.loads(row[9]),
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


def _meets(store: RelationalSubscribers) -> SubscriberStore:
    return store
