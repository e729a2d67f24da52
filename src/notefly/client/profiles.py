"""Names and addresses, as the forms show them and as they were written there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from werkzeug.datastructures import MultiDict

from notefly.client.broker_api import BrokerRefused, Json
from notefly.client.choices import addresses
from notefly.client.display import label

ADDRESS = "address:"
SEEN = "seen:"
"""Fields that say what a form showed, so that only what was changed in it is changed."""
KIND_LABELS = {"email": "E-mail", "phone": "Phone", "push_token": "Push token"}
KIND_HINTS = {
    "email": "alex@example.org",
    "phone": "+14155550123, with country code",
    "push_token": "as the app on the device shows it",
}
INPUT_TYPES = {"email": "email", "phone": "tel"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of address, as a field of a form."""

    name: str
    channels: Sequence[str]

    @property
    def label(self) -> str:
        return KIND_LABELS.get(self.name, self.name.replace("_", " ").capitalize())

    @property
    def hint(self) -> str:
        return KIND_HINTS.get(self.name, "")

    @property
    def input_type(self) -> str:
        return INPUT_TYPES.get(self.name, "text")


def kinds_of(channels: Sequence[Json]) -> list[Kind]:
    """The kinds of addresses that some channel uses, in the channels' order."""
    users: dict[str, list[str]] = {}
    for channel in channels:
        users.setdefault(channel["address_kind"], []).append(label(channel["name"]))
    return [Kind(kind, names) for kind, names in users.items()]


@dataclass(frozen=True, slots=True)
class Profile:
    """A name and addresses by kind, what is wrong with them, and where."""

    id: str = ""
    name: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""
    seen: Mapping[str, str] = field(default_factory=dict)
    """What was stored when the form was shown, by field."""

    @classmethod
    def stored(cls, subscriber: Json) -> "Profile":
        now = addresses(subscriber)
        seen = {"name": subscriber["name"]} | {ADDRESS + kind: now[kind] for kind in now}
        return cls(subscriber["id"], subscriber["name"], now, seen=seen)

    @classmethod
    def written(cls, fields: MultiDict[str, str]) -> "Profile":
        """As a form says it."""
        typed = {
            name.removeprefix(ADDRESS): value.strip()
            for name, value in fields.items()
            if name.startswith(ADDRESS)
        }
        seen = {n.removeprefix(SEEN): v for n, v in fields.items() if n.startswith(SEEN)}
        return cls(fields.get("id", "").strip(), fields.get("name", "").strip(), typed, seen=seen)

    def refused(self, error: BrokerRefused) -> "Profile":
        """The same with the broker's reasons, each at its field."""
        problems = {pointer.lstrip("/"): detail for pointer, detail in error.problems.items()}
        return replace(self, problems=problems, refusal=str(error))

    def creation(self) -> dict[str, object]:
        """The request body that registers them; without an id one is made."""
        given = {kind: value for kind, value in self.addresses.items() if value}
        named = {"id": self.id} if self.id else {}
        return {**named, "name": self.name, "addresses": given}

    def change(self) -> dict[str, object]:
        """The request body that changes them; an address that was emptied is removed.

        What stands as the form showed it is left out: somebody else may have changed it since.
        """
        changed = {
            kind: value or None
            for kind, value in self.addresses.items()
            if value != self.seen.get(ADDRESS + kind)
        }
        named = {} if self.name == self.seen.get("name") else {"name": self.name}
        return {**named, "addresses": changed}
