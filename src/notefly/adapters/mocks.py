"""The mock subscribers, from the file that ships with Notefly."""

import json
from importlib.resources import files
from typing import Any

from notefly.domain.ids import SubscriberId
from notefly.domain.subscriber import Preferences, Profile


def mock_profiles() -> list[Profile]:
    """The mock subscribers that ship with Notefly."""
    people = json.loads((files("notefly") / "mocks.json").read_text("utf-8"))
    return [_mock(person) for person in people]


def _mock(person: dict[str, Any]) -> Profile:
    kinds = ("email", "phone", "push_token")
    return Profile(
        id=SubscriberId(person["id"]),
        name=person["name"],
        addresses={kind: person[kind] for kind in kinds if kind in person},
        preferences=Preferences(
            frozenset(person["categories"]),
            frozenset(person["channels"]),
            {c: frozenset(chosen) for c, chosen in person["overrides"].items()},
        ),
        mock=True,
    )
