"""Who gets what, as a grid: people by categories by channels, and what a click changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
SHORTHANDS = ("email", "phone", "push_token")
"""Kinds of addresses that have a field of their own in the REST API."""
USUAL = ""
"""Stands for the channels of every category that has no choice of its own."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One channel of one category. `wants` is the kind of address that is missing for it."""

    channel: str
    on: bool
    wants: str
    choice: str


@dataclass(frozen=True, slots=True)
class Line:
    """A category of one person; `own`: it has a choice of its own."""

    category: str
    own: bool
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Person:
    """A subscriber, as the grid shows one."""

    id: str
    name: str
    mock: bool
    lines: Sequence[Line]
    usual: Line


def person(subscriber: Json, categories: Sequence[str], channels: Sequence[Json]) -> Person:
    """What they get now."""
    has = addresses(subscriber)

    def line(category: str) -> Line:
        chosen = chosen_in(subscriber, category)
        cells = [
            Cell(
                name := channel["name"],
                name in chosen,
                "" if channel["address_kind"] in has else channel["address_kind"],
                f"{'off' if name in chosen else 'on'}/{category}/{name}",
            )
            for channel in channels
        ]
        return Line(category, category in subscriber["overrides"], cells)

    return Person(
        subscriber["id"],
        subscriber["name"],
        bool(subscriber.get("mock")),
        [line(category) for category in categories],
        line(USUAL),
    )


def addresses(subscriber: Json) -> dict[str, str]:
    """All of them by kind."""
    short = {kind: subscriber[kind] for kind in SHORTHANDS if subscriber.get(kind)}
    return short | dict(subscriber["addresses"])


def chosen_in(subscriber: Json, category: str) -> Sequence[str]:
    """The rule stands with the preferences in the REST API: an override replaces the channels."""
    if category == USUAL:
        return list(subscriber["channels"])
    if category not in subscriber["categories"]:
        return []
    return list(subscriber["overrides"].get(category, subscriber["channels"]))


def change(choice: str) -> dict[str, Any]:
    """What the button of a cell says, as the REST API takes it. Raises ValueError."""
    to, category, channel = choice.split("/")
    about = {} if category == USUAL else {"category": category}
    return {**about, "channel": channel, "chosen": to == "on"}
