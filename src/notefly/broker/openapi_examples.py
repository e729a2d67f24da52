"""Requests that work as they stand on a fresh store with the mock subscribers: to be tried out."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from notefly.broker.answers import JSON
from notefly.broker.requests import (
    AddressIn,
    ChaosIn,
    ChoiceIn,
    LinkIn,
    MessageIn,
    PreferencesIn,
    ReplayIn,
    ReplayManyIn,
    SendTestIn,
    SubscriberIn,
    SubscriberPatch,
)

ZOE = {
    "name": "Zoe",
    "email": "zoe@example.com",
    "phone": "+12025550123",
    "categories": ["finance", "sports"],
    "channels": ["email"],
    "overrides": {"finance": ["sms"]},
}
BODIES: Mapping[Any, tuple[Mapping[str, object], ...]] = {
    MessageIn: (
        {"category": "sports", "title": "Goal!", "body": "1:0 in the 89th minute."},
        {"category": "movies", "body": "The film you waited for runs from Friday."},
    ),
    SubscriberIn: (ZOE, {"name": "Yan", "phone": "+12025550124"}),
    SubscriberPatch: ({"name": "Countess Lovelace", "overrides": {}},),
    PreferencesIn: (
        {
            "categories": ["finance", "movies"],
            "channels": ["email"],
            "overrides": {"finance": ["email", "sms"]},
        },
    ),
    ChoiceIn: ({"category": "sports", "channel": "email", "chosen": True},),
    SendTestIn: ({"category": "movies", "body": "A test: this is how messages reach you."},),
    LinkIn: ({"valid_seconds": 86_400},),
    ReplayIn: ({},),
    ReplayManyIn: ({"channel": "email", "reason": "refused"},),
    ChaosIn: ({"channels": {"sms": {"failure_rate": 0.5, "latency_seconds": 0.5}}},),
    AddressIn: ({"kind": "phone", "value": "+1 (202) 555-0123"},),
}
"""By what a body is; where several go into one request, as many lines."""
PLACES: Mapping[str, str] = {"subscriber_id": "ada", "name": "sms"}
"""What stands in a path, where it is known beforehand."""


def example(kind: Any, media: str) -> object:
    """The body of a request. Raises KeyError for a kind that has none yet: give it one here."""
    bodies = BODIES[kind]
    if media == JSON:
        return bodies[0]
    return "".join(to_json(body).decode() + "\n" for body in bodies)
