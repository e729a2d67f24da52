"""Who gets what: the choices of a person, and the one rule that turns them into subscriptions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from notefly.domain.errors import Problem
from notefly.domain.ids import SUBSCRIBER_ID, SubscriberId, SubscriberKey
from notefly.domain.message import LINE_OR_CONTROL, text_problems

NAME_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Preferences:
    """`overrides[category]` replaces `channels` for that category; it may be empty."""

    categories: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    overrides: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def choices(self) -> frozenset[tuple[str, str]]:
        """Every (category, channel) on which this person gets messages."""
        return frozenset(
            (category, channel)
            for category in self.categories
            for channel in self.chosen_in(category)
        )

    def chosen_in(self, category: str | None) -> frozenset[str]:
        """The channels of a category, followed or not; without one the usual channels."""
        if category is None:
            return self.channels
        return self.overrides.get(category, self.channels)

    def with_choice(self, category: str | None, channel: str, *, chosen: bool) -> "Preferences":
        """One choice on or off, all others as they are; without a category of the usual channels.

        A category without a channel is not followed, and one whose channels are the usual ones has
        no choice of its own.
        """
        followed = category is None or category in self.categories
        standing = self.chosen_in(category) if followed else frozenset[str]()
        if (channel in standing) is chosen:
            return self
        wanted = standing | {channel} if chosen else standing - {channel}
        if category is None:
            return replace(self, channels=wanted)
        overrides = {name: own for name, own in self.overrides.items() if name != category}
        if not wanted:
            return Preferences(self.categories - {category}, self.channels, overrides)
        own = {} if wanted == self.channels else {category: wanted}
        return Preferences(self.categories | {category}, self.channels, overrides | own)

    def channels_named(self) -> frozenset[str]:
        """Every channel chosen anywhere: each needs an address."""
        return self.channels.union(*self.overrides.values())

    def categories_named(self) -> frozenset[str]:
        """Every category mentioned anywhere: each must be configured."""
        return self.categories.union(self.overrides)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a subscriber is, as somebody writes it: addresses are `{kind: value}`, normalised."""

    id: SubscriberId
    name: str
    addresses: Mapping[str, str]
    preferences: Preferences
    mock: bool = False


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A stored profile. `key` outlives erasure; the rest does not."""

    key: SubscriberKey
    profile: Profile
    created_at: datetime
    updated_at: datetime


def profile_problems(
    profile: Profile, categories: frozenset[str], kinds: Mapping[str, str]
) -> Iterator[Problem]:
    """What keeps a profile from being stored; `kinds`: the address kind of each channel."""
    if not SUBSCRIBER_ID.fullmatch(profile.id):
        yield Problem("/id", "must be 1 to 128 characters of A-Z a-z 0-9 . _ ~ @ : -")
    if not profile.name.strip() or len(profile.name) > NAME_LIMIT:
        yield Problem("/name", f"must have 1 to {NAME_LIMIT} characters")
    yield from text_problems("/name", profile.name)
    if LINE_OR_CONTROL.search(profile.name):
        yield Problem("/name", "must not hold control characters")
    yield from preference_problems(profile.preferences, categories, frozenset(kinds))
    for kind in sorted(set(profile.addresses) - set(kinds.values())):
        yield Problem(f"/addresses/{kind}", "no configured channel uses this kind of address")
    yield from missing_addresses(profile, kinds)


def preference_problems(
    preferences: Preferences, categories: frozenset[str], channels: frozenset[str]
) -> Iterator[Problem]:
    """Names that are not configured."""
    for name in sorted(preferences.categories - categories):
        yield Problem("/categories", f"unknown category {name!r}")
    for name in sorted(preferences.channels - channels):
        yield Problem("/channels", f"unknown channel {name!r}")
    for category, chosen in sorted(preferences.overrides.items()):
        pointer = _override(category)
        if category not in categories:
            yield Problem(pointer, f"unknown category {category!r}")
        for name in sorted(chosen - channels):
            yield Problem(pointer, f"unknown channel {name!r}")


def missing_addresses(profile: Profile, kinds: Mapping[str, str]) -> Iterator[Problem]:
    """A chosen channel without its address would be a promise that cannot be kept."""
    for channel in sorted(profile.preferences.channels_named()):
        kind = kinds.get(channel)
        if kind and kind not in profile.addresses:
            why = f"{channel} is chosen, but there is no {kind} address for it"
            yield Problem(_chosen_at(profile.preferences, channel), why)


def _chosen_at(preferences: Preferences, channel: str) -> str:
    """Where the choice stands: for all categories, or for one."""
    if channel in preferences.channels:
        return "/channels"
    return _override(min(c for c, chosen in preferences.overrides.items() if channel in chosen))


def _override(category: str) -> str:
    """Its JSON pointer (RFC 6901)."""
    return "/overrides/" + category.replace("~", "~0").replace("/", "~1")
