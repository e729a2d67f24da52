"""What callers send: bodies."""

from pydantic import Field

from notefly.application.subscribers import ChoiceChange, ProfileChange
from notefly.broker.fields import Moment, Names, Strict
from notefly.domain.chaos import LONGEST_LATENCY_SECONDS, Dials
from notefly.domain.delivery import Reason
from notefly.domain.errors import Invalid
from notefly.domain.ids import SubscriberId
from notefly.domain.message import Content
from notefly.domain.subscriber import Preferences, Profile

SHORTHANDS = {"email": "email", "phone": "phone", "push_token": "push_token"}
"""Fields that stand for an address of that kind."""


class MessageIn(Strict):
    """What is published."""

    category: str
    body: str
    title: str | None = None
    expires_at: Moment | None = None

    def content(self) -> Content:
        return Content(self.category, self.body, self.title, self.expires_at)


class SendTestIn(Strict):
    """A message for one subscriber only; all of it may be left out."""

    category: str | None = None
    body: str | None = None
    title: str | None = None


class PreferencesIn(Strict):
    """All three are replaced; what is left out is empty."""

    categories: Names = Field(default_factory=list)
    channels: Names = Field(default_factory=list)
    overrides: dict[str, Names] = Field(default_factory=dict)

    def preferences(self) -> Preferences:
        return Preferences(
            frozenset(self.categories), frozenset(self.channels), overrides_of(self.overrides)
        )


class ChoiceIn(Strict):
    """One choice; without a category it is about the usual channels."""

    category: str | None = None
    channel: str
    chosen: bool

    def change(self) -> ChoiceChange:
        return ChoiceChange(self.category, self.channel, self.chosen)


class SubscriberIn(PreferencesIn):
    """A subscriber as GET shows one, so that what was read can be written back."""

    id: str | None = None
    name: str
    email: str | None = None
    phone: str | None = None
    push_token: str | None = None
    addresses: dict[str, str] = Field(default_factory=dict)
    mock: bool = False
    created_at: str | None = Field(None, description="Read-only: accepted and ignored.")
    updated_at: str | None = Field(None, description="Read-only: accepted and ignored.")

    def profile(self, subscriber_id: str) -> Profile:
        """Raises Invalid where a shorthand and `addresses` disagree."""
        addresses = dict(self.addresses)
        for field, kind in SHORTHANDS.items():
            value: str | None = getattr(self, field)
            if value is None:
                continue
            if addresses.setdefault(kind, value) != value:
                raise Invalid.at(f"/{field}", f"is not the same as /addresses/{kind}")
        return Profile(
            SubscriberId(subscriber_id), self.name, addresses, self.preferences(), self.mock
        )

    @property
    def shorthands(self) -> frozenset[str]:
        """Those that were used: problems of these addresses are told where they were written."""
        return frozenset(field for field in SHORTHANDS if getattr(self, field) is not None)


class SubscriberPatch(Strict):
    """The fields to change. Addresses are changed one by one, and null removes one."""

    name: str = ""
    email: str | None = None
    phone: str | None = None
    push_token: str | None = None
    addresses: dict[str, str | None] = Field(default_factory=dict)
    categories: Names = Field(default_factory=list)
    channels: Names = Field(default_factory=list)
    overrides: dict[str, Names] = Field(default_factory=dict)

    def change(self) -> ProfileChange:
        """Raises Invalid where a shorthand and `addresses` disagree."""
        given = self.model_fields_set
        addresses = dict(self.addresses)
        for field in self.shorthands:
            kind, value = SHORTHANDS[field], getattr(self, field)
            if addresses.setdefault(kind, value) != value:
                raise Invalid.at(f"/{field}", f"is not the same as /addresses/{kind}")
        return ProfileChange(
            name=self.name if "name" in given else None,
            addresses=addresses,
            categories=frozenset(self.categories) if "categories" in given else None,
            channels=frozenset(self.channels) if "channels" in given else None,
            overrides=overrides_of(self.overrides) if "overrides" in given else None,
        )

    @property
    def shorthands(self) -> frozenset[str]:
        return frozenset(self.model_fields_set & SHORTHANDS.keys())


class LinkIn(Strict):
    """How long a personal link is good; a week, if it is left out."""

    valid_seconds: int = Field(7 * 86_400, ge=60, le=366 * 86_400)


class ReplayIn(Strict):
    """`expires_at` gives an expired message a new end."""

    expires_at: Moment | None = None


class ReplayManyIn(ReplayIn):
    """All that are given must hold; nothing given means every dead letter."""

    message: str | None = None
    subscriber: str | None = None
    category: str | None = None
    channel: str | None = None
    reason: Reason | None = None
    since: Moment | None = None
    until: Moment | None = None


class DialsIn(Strict):
    """How a channel misbehaves; what is left out is at rest."""

    failure_rate: float = Field(0.0, ge=0, le=1)
    refusal_rate: float = Field(0.0, ge=0, le=1)
    timeout_rate: float = Field(0.0, ge=0, le=1)
    latency_seconds: float = Field(0.0, ge=0, le=LONGEST_LATENCY_SECONDS)


class ChaosIn(Strict):
    """The channels that misbehave, by name; the others come to rest."""

    channels: dict[str, DialsIn]

    def dials(self) -> dict[str, Dials]:
        return {name: Dials(**dict(given)) for name, given in self.channels.items()}


class AddressIn(Strict):
    """An address to look at."""

    kind: str
    value: str


def overrides_of(written: dict[str, list[str]]) -> dict[str, frozenset[str]]:
    return {category: frozenset(channels) for category, channels in written.items()}
