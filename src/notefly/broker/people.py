"""Subscribers as callers see them; `views` has the rest."""

from datetime import datetime

from typing_extensions import TypedDict

from notefly.broker.requests import SHORTHANDS
from notefly.domain.errors import Invalid, Problem
from notefly.domain.subscriber import Preferences, Subscriber


class PreferencesView(TypedDict):
    categories: list[str]
    channels: list[str]
    overrides: dict[str, list[str]]


class SubscriberView(TypedDict):
    id: str
    name: str
    email: str | None
    phone: str | None
    push_token: str | None
    addresses: dict[str, str]
    categories: list[str]
    channels: list[str]
    overrides: dict[str, list[str]]
    mock: bool
    created_at: datetime
    updated_at: datetime


class CreatedManyView(TypedDict):
    created: int
    ids: list[str]


class LinkView(TypedDict):
    url: str
    expires_at: datetime


class AddressView(TypedDict):
    kind: str
    value: str | None
    problem: str | None


def preferences(chosen: Preferences) -> PreferencesView:
    return {
        "categories": sorted(chosen.categories),
        "channels": sorted(chosen.channels),
        "overrides": {name: sorted(own) for name, own in sorted(chosen.overrides.items())},
    }


def subscriber(stored: Subscriber) -> SubscriberView:
    """`addresses` holds the kinds that have no field of their own."""
    profile = stored.profile
    built_in = SHORTHANDS.values()
    return {
        "id": profile.id,
        "name": profile.name,
        "email": profile.addresses.get(SHORTHANDS["email"]),
        "phone": profile.addresses.get(SHORTHANDS["phone"]),
        "push_token": profile.addresses.get(SHORTHANDS["push_token"]),
        "addresses": {k: v for k, v in sorted(profile.addresses.items()) if k not in built_in},
        **preferences(profile.preferences),
        "mock": profile.mock,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
    }


def where_written(error: Invalid, shorthands: frozenset[str], prefix: str = "") -> Invalid:
    """Problems of addresses, told at the shorthand where that was used; `prefix` is taken off."""
    moved = {f"/addresses/{SHORTHANDS[field]}": f"/{field}" for field in shorthands}

    def place(problem: Problem) -> Problem:
        pointer = problem.pointer.removeprefix(prefix)
        return Problem(moved.get(pointer, pointer), problem.detail)

    return type(error)([place(problem) for problem in error.problems])
