"""What the subscriber's own page shows, and what its form says."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from notefly.application.catalogue import Catalogue
from notefly.application.subscribers import ProfileChange
from notefly.broker.problems import Malformed
from notefly.domain.errors import Invalid
from notefly.domain.ids import SubscriberId
from notefly.domain.subscriber import Preferences, Profile

MOST_FIELDS = 2_000
ADDRESS = "address:"
GET = "get:"
KIND_LABELS = {"email": "E-mail", "phone": "Phone", "push_token": "Push token"}
KIND_HINTS = {
    "email": "like alex@example.org",
    "phone": "with country code, like +14155550123",
    "push_token": "as the app on the device shows it",
}
INPUT_TYPES = {"email": "email", "phone": "tel"}
CHANNEL_LABELS = {"email": "E-mail", "push": "Push", "sms": "SMS"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of address, as a field of the form."""

    name: str
    channels: tuple[str, ...]

    @property
    def label(self) -> str:
        return KIND_LABELS.get(self.name, spoken(self.name))

    @property
    def hint(self) -> str:
        return KIND_HINTS.get(self.name, "")

    @property
    def input_type(self) -> str:
        return INPUT_TYPES.get(self.name, "text")


@dataclass(frozen=True, slots=True)
class Choices:
    """What stands in the form: of somebody stored, of somebody new, or as it was sent."""

    id: str = ""
    name: str = ""
    mock: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict)
    preferences: Preferences = field(default_factory=Preferences)

    @classmethod
    def stored(cls, profile: Profile) -> "Choices":
        return cls(profile.id, profile.name, profile.mock, profile.addresses, profile.preferences)

    @classmethod
    def sent(cls, body: bytes) -> "Choices":
        """Raises Malformed for what is not a form."""
        try:
            fields = parse_qs(
                body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
            )
        except ValueError:
            raise Malformed.at("", "is not a form in UTF-8") from None
        ticked = {
            name.removeprefix(GET): frozenset(channels)
            for name, channels in fields.items()
            if name.startswith(GET)
        }
        return cls(
            id=fields.get("id", [""])[0],
            name=fields.get("name", [""])[0].strip(),
            addresses={
                name.removeprefix(ADDRESS): values[0].strip()
                for name, values in fields.items()
                if name.startswith(ADDRESS)
            },
            preferences=preferences_of(ticked),
        )

    def gets(self, category: str, channel: str) -> bool:
        """Whether that is ticked."""
        return (category, channel) in self.preferences.choices()

    @property
    def given(self) -> dict[str, str]:
        """The addresses that are not empty."""
        return {kind: value for kind, value in self.addresses.items() if value}

    def profile(self, subscriber_id: str) -> Profile:
        return Profile(SubscriberId(subscriber_id), self.name, self.given, self.preferences)

    def change(self) -> ProfileChange:
        """An address that was emptied is removed."""
        return ProfileChange(
            name=self.name,
            addresses={kind: value or None for kind, value in self.addresses.items()},
            preferences=self.preferences,
        )


def preferences_of(ticked: Mapping[str, frozenset[str]]) -> Preferences:
    """They get what is ticked; the channels that most categories have are the usual ones."""
    many = Counter(ticked.values())
    usual = max(many, key=lambda chosen: (many[chosen], sorted(chosen)), default=frozenset[str]())
    own = {category: chosen for category, chosen in ticked.items() if chosen != usual}
    return Preferences(frozenset(ticked), usual, own)


def kinds_of(catalogue: Catalogue) -> list[Kind]:
    """The kinds of addresses that some channel uses, in the channels' order."""
    users: dict[str, list[str]] = {}
    for name, kind in catalogue.kinds.items():
        users.setdefault(kind, []).append(channel_label(name))
    return [Kind(kind, tuple(channels)) for kind, channels in users.items()]


def channel_label(name: str) -> str:
    return CHANNEL_LABELS.get(name, spoken(name))


def spoken(name: str) -> str:
    """A configured name as a label."""
    return name.replace("_", " ").replace("-", " ").capitalize()


def told(error: Invalid) -> dict[str, list[str]]:
    """What is wrong, by the place on the page."""
    places: dict[str, list[str]] = {}
    for problem in error.problems:
        top = problem.pointer.split("/")[1] if problem.pointer else ""
        place = problem.pointer if top == "addresses" else f"/{top}"
        places.setdefault(place, []).append(problem.detail)
    return places
