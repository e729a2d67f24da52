"""Who will get a message and how it will look, before anything is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notefly.client.broker_api import BrokerApi, BrokerRefused, Draft
from notefly.client.display import label
from notefly.client.links import Links
from notefly.client.same_call import same_call

Json = Mapping[str, Any]
PLACEHOLDER = "Hello"
"""Stands for a text that is not written yet: who would get it does not depend on it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who will get it, and on which channels."""

    id: str
    name: str
    mock: bool
    channels: frozenset[str]


async def preview_of(broker: BrokerApi, links: Links, draft: Draft) -> dict[str, Any]:
    """What the panel shows; a text that cannot be sent is said in words instead."""
    written = bool(draft.body.strip())
    sendable = draft if written else replace(draft, body=PLACEHOLDER)
    view: dict[str, Any] = {"draft": draft, "written": written, "calls": same_call(links, sendable)}
    try:
        answer = await broker.preview(sendable)
    except BrokerRefused as error:
        return view | {"refusal": str(error)}
    channels = await broker.in_order({*answer["by_channel"], *answer["rendered"]})
    rendered = [(name, answer["rendered"][name]) for name in channels if name in answer["rendered"]]
    people = [_person(one, draft.category) for one in await broker.people(answer["sample"])]
    return view | {
        "refusal": "",
        "counters": counters(rendered) if written else [],
        "subscribers": answer["subscribers"],
        "by_channel": {name: answer["by_channel"].get(name, 0) for name in channels},
        "people": people,
        "others": max(0, answer["subscribers"] - len(people)),
        "rendered": rendered if written else [],
    }


def _person(subscriber: Json, category: str) -> Person:
    """The rule stands with the preferences in the REST API: an override replaces the channels."""
    chosen: Sequence[str] = subscriber["overrides"].get(category, subscriber["channels"])
    mock = bool(subscriber.get("mock"))
    return Person(subscriber["id"], subscriber["name"], mock, frozenset(chosen))


def counters(rendered: Sequence[tuple[str, Json]]) -> list[str]:
    """The numbers that decide about price and refusal, for each channel that has any."""
    told = []
    for channel, one in rendered:
        facts = one["facts"]
        if "segments" in facts:
            parts = "segment" if facts["segments"] == 1 else "segments"
            told.append(
                f"{label(channel)}: {facts['segments']} {parts}, "
                f"{facts['encoding']}, {facts['units']:,} units"
            )
        elif "limit" in facts:
            told.append(f"{label(channel)}: {facts['bytes']:,} of {facts['limit']:,} bytes")
    return told
