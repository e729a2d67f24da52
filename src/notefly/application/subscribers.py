"""Register, change, erase: the people and their choices."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from notefly.application.catalogue import Catalogue
from notefly.application.publish import PublishMessage
from notefly.domain.errors import Invalid, NotFound, Problem
from notefly.domain.ids import SUBSCRIBER_ID, SubscriberId, SubscriberKey
from notefly.domain.message import Content
from notefly.domain.subscriber import Preferences, Profile, Subscriber, profile_problems
from notefly.ports.clock import Clock
from notefly.ports.message_store import Receipt
from notefly.ports.subscriber_store import SubscriberStore


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Every change is checked whole before it is stored, and durable when it returns.

    All of them raise Invalid with every problem found; problems of an address stand at
    `/addresses/<kind>`.
    """

    store: SubscriberStore
    catalogue: Catalogue
    clock: Clock

    async def add(self, profiles: Sequence[Profile]) -> Sequence[Subscriber]:
        """All or none; problems point to `/<line>/field`. Raises Conflict for a taken id.

        Addresses take their time: looking at them is done in a thread, so that it holds up nobody.
        """
        checked = await asyncio.to_thread(self._all_checked, profiles)
        return await self.store.add(checked, self.clock.now())

    def _all_checked(self, profiles: Sequence[Profile]) -> list[Profile]:
        checked: list[Profile] = []
        problems: list[Problem] = []
        for line, profile in enumerate(profiles):
            try:
                checked.append(self._checked(profile))
            except Invalid as error:
                problems += error.under(f"/{line}").problems
        if problems:
            raise Invalid(problems)
        return checked

    async def put(self, profile: Profile) -> tuple[Subscriber, bool]:
        """Create (True) or replace whole (False)."""
        return await self.store.put(self._checked(profile), self.clock.now())

    async def revise(
        self,
        subscriber: SubscriberId,
        change: "ProfileChange | ChoiceChange",
        only: SubscriberKey | None = None,
    ) -> Subscriber:
        """Change some fields, or one choice, with nobody in between. Raises NotFound; also for
        others than `only`, who may have the same id."""
        revised = await self.store.revise(
            subscriber,
            lambda old: self._checked(self._applied(change, old), old),
            self.clock.now(),
            only,
        )
        if revised is None:
            raise self._missing(subscriber)
        return revised

    async def erase(self, subscriber: SubscriberId) -> None:
        """Raises NotFound."""
        if not await self.store.erase(subscriber, self.clock.now()):
            raise self._missing(subscriber)

    async def get(self, subscriber: SubscriberId) -> Subscriber:
        """Raises NotFound."""
        found = await self.store.get(subscriber) if SUBSCRIBER_ID.fullmatch(subscriber) else None
        if found is None:
            raise self._missing(subscriber)
        return found

    def _checked(self, profile: Profile, old: Profile | None = None) -> Profile:
        """Spelled as it is stored. What `old` chose may stay, configured any more or not."""
        spelled = dict(profile.addresses)
        problems: list[Problem] = []
        try:
            spelled = self.catalogue.normalised(profile.addresses)
        except Invalid as error:
            problems += error.problems
        spelled_profile = replace(profile, addresses=spelled)
        chosen = Preferences() if old is None else old.preferences
        problems += profile_problems(
            spelled_profile,
            self.catalogue.category_names | chosen.categories_named(),
            dict.fromkeys(chosen.channels_named(), "") | self.catalogue.kinds,
        )
        if problems:
            raise Invalid(problems)
        return spelled_profile

    def _applied(self, change: "ProfileChange | ChoiceChange", old: Profile) -> Profile:
        if isinstance(change, ChoiceChange):
            # What is switched off leaves no name behind that could be found wrong afterwards.
            named, chosen = self.catalogue, old.preferences
            if change.category not in named.category_names | chosen.categories_named() | {None}:
                raise Invalid.at("/category", f"unknown category {change.category!r}")
            if change.channel not in named.kinds.keys() | chosen.channels_named():
                raise Invalid.at("/channel", f"unknown channel {change.channel!r}")
        return change.apply(old)

    @staticmethod
    def _missing(subscriber: SubscriberId) -> NotFound:
        return NotFound(f"there is no subscriber {subscriber!r}")


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """The fields to replace; None leaves a field as it is. An address of None is removed."""

    name: str | None = None
    addresses: dict[str, str | None] | None = None
    preferences: Preferences | None = None
    categories: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    overrides: dict[str, frozenset[str]] | None = None

    def apply(self, profile: Profile) -> Profile:
        """The profile with the changes in it."""
        old = self.preferences or profile.preferences
        addresses = dict(profile.addresses)
        for kind, value in (self.addresses or {}).items():
            if value is None:
                addresses.pop(kind, None)
            else:
                addresses[kind] = value
        return replace(
            profile,
            name=profile.name if self.name is None else self.name,
            addresses=addresses,
            preferences=Preferences(
                old.categories if self.categories is None else self.categories,
                old.channels if self.channels is None else self.channels,
                old.overrides if self.overrides is None else self.overrides,
            ),
        )


@dataclass(frozen=True, slots=True)
class ChoiceChange:
    """One choice on or off; see `Preferences.with_choice`."""

    category: str | None
    channel: str
    chosen: bool

    def apply(self, profile: Profile) -> Profile:
        """The profile with the choice in it."""
        old = profile.preferences
        preferences = old.with_choice(self.category, self.channel, chosen=self.chosen)
        return replace(profile, preferences=preferences)


@dataclass(frozen=True, slots=True)
class SendTest:
    """A message whose audience is one subscriber."""

    subscribers: Subscribers
    publish: PublishMessage

    async def __call__(
        self, subscriber: SubscriberId, category: str | None, title: str | None, body: str | None
    ) -> Receipt:
        """In the category given, else the first this person follows. Raises NotFound or Invalid."""
        found = await self.subscribers.get(subscriber)
        followed = sorted(found.profile.preferences.categories)
        if category is None and not followed:
            raise Invalid.at("/category", f"{subscriber} follows no category; name one")
        return await self.publish.one(
            Content(
                category=category or followed[0],
                title=title,
                body=body or "A test: this is how messages reach you.",
                only=subscriber,
            )
        )
