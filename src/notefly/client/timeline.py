"""What happened to a recipient's deliveries, in the order in which it happened."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]
ENDINGS = {
    "released": "was given back, because the worker stopped",
    "interrupted": "was interrupted, because the worker went away",
    "died": "ended with the channel's own process",
    "running": "is under way",
}
REASONS = {
    "exhausted": "the attempts are used up",
    "expired": "the message expired first",
    "refused": "the channel refused it for good",
    "poison": "the worker died on it twice",
    "unsubscribed": "the choice was taken back before it was sent",
    "stopped": "the message was cancelled before it was sent",
}
"""Why a delivery is dead or cancelled, in words that say it to somebody new."""
OURS = frozenset({"expired", "unsubscribed", "stopped"})
"""Reasons that no channel was asked about."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line: when, on which channel, what, and what the channel said; `state` shapes it."""

    at: str
    channel: str
    said: str
    state: str
    detail: str = ""
    since: str = ""
    """How long after the message was accepted."""


def timeline(stories: Sequence[Json]) -> list[Happening]:
    """Of one recipient; all stories are of one message."""
    told = [Happening(stories[0]["accepted_at"], "", "accepted", "accepted")] if stories else []
    for story in stories:
        told += _happenings(story)
    began = datetime.fromisoformat(told[0].at) if told else None
    return [
        replace(one, since=since(began, datetime.fromisoformat(one.at))) if began else one
        for one in sorted(told, key=lambda happening: happening.at)
    ]


def since(began: datetime, at: datetime) -> str:
    """As short as it can be said: `+18 ms`, `+2.1 s`, `+3 min`."""
    seconds = (at - began).total_seconds()
    if seconds <= 0:
        return ""
    if seconds < 1:
        return f"+{seconds * 1_000:.0f} ms"
    if seconds < 60:
        return f"+{seconds:.1f} s"
    return f"+{seconds / 60:,.0f} min" if seconds < 6_000 else f"+{seconds / 3_600:,.0f} h"


def why(delivery: Json) -> str:
    """Why it is dead or cancelled; empty where it is not."""
    return REASONS.get(delivery["reason"], delivery["reason"] or "")


def said_by_channel(delivery: Json) -> str:
    """Its own words, where it was asked."""
    return "" if delivery["reason"] in OURS else delivery["detail"] or ""


def _happenings(story: Json) -> Iterator[Happening]:
    # Equal times keep this order: an attempt first, then what came of it.
    channel, state = story["channel"], story["state"]
    attempts = story["history"]
    told = {attempt["detail"] for attempt in attempts}
    for place, attempt in enumerate(attempts):
        last = place == len(attempts) - 1
        yield _attempt(channel, attempt, state if last else "retrying")
    for ended in story["rounds"]:
        said = f"{ended['state']}: {why(ended)}; replayed later"
        words = said_by_channel(ended)
        shown = "" if words in told else words
        yield Happening(ended["ended_at"], channel, said, ended["state"], shown)
    if state == "retrying" and story["next_try_at"]:
        yield Happening(story["next_try_at"], channel, "next try", "pending")
    elif state in ("dead", "cancelled"):
        yield Happening(story["updated_at"], channel, f"{state}: {why(story)}", state)


def _attempt(channel: str, attempt: Json, state: str) -> Happening:
    at = attempt["ended_at"] or attempt["claimed_at"]
    said = ENDINGS.get(attempt["ending"])
    if said is None:
        said = "was accepted by the channel" if state == "delivered" else "did not succeed"
    shown = "retrying" if state in ("dead", "pending") else state
    return Happening(
        at, channel, f"attempt {attempt['number']} {said}", shown, attempt["detail"] or ""
    )
