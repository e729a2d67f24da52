"""Details are kept longer than people: nothing in a channel's words may name who it was about."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import DETAIL_LIMIT, Outcome, Outcomes

REDACTED = "[redacted]"
TORN = 4
"""Characters of an address that still tell something where a text was cut in its middle."""


def anonymous(outcomes: Outcomes, people: Collection[Recipient]) -> Outcomes:
    """The same answers without address, name and external id of the people handed over.

    What was said of several is searched for all of them, what was said of one for that one.
    """
    shared: dict[str, SubscriberKey | None] = {}
    for subscriber, outcome in outcomes.exceptions.items():
        if outcome.detail:
            shared[outcome.detail] = None if outcome.detail in shared else subscriber
    by_key = {person.subscriber: person for person in people} if shared else {}
    known: dict[str, str] = {}
    for detail, alone in shared.items():
        about = people if alone is None or alone not in by_key else [by_key[alone]]
        known[detail] = redacted(detail, about)
    exceptions: Mapping[SubscriberKey, Outcome] = outcomes.exceptions
    if any(before != after for before, after in known.items()):
        exceptions = {
            subscriber: _saying(outcome, known[outcome.detail]) if outcome.detail else outcome
            for subscriber, outcome in outcomes.exceptions.items()
        }
    default = outcomes.default
    if default.detail:
        default = _saying(default, redacted(default.detail, people))
    return Outcomes(default, exceptions)


def redacted(detail: str, people: Collection[Recipient]) -> str:
    """A bounded text in which none of these people can be found, however it was spelled there."""
    text = detail[:DETAIL_LIMIT]
    lowered = text.lower()
    if len(detail) < DETAIL_LIMIT and _names_nobody(lowered, people):
        return text
    for person in people:
        for trace, whole in _traces(person, lowered):
            if trace.lower() in lowered:
                pattern = rf"(?<!\w){re.escape(trace)}(?!\w)" if whole else re.escape(trace)
                text = re.sub(pattern, REDACTED, text, flags=re.IGNORECASE)
    if len(detail) >= DETAIL_LIMIT:
        for person in people:
            for trace, _ in _traces(person, lowered):
                text = _without_torn_end(text, trace.lower())
    return text


def _names_nobody(text: str, people: Collection[Recipient]) -> bool:
    """True for most texts, and quickly: nothing in it is encoded, nor anything of anybody."""
    if "%" in text or "\\" in text:
        return False
    for person in people:
        address, known_as, name = person.address, person.subscriber_id, person.name
        if (
            (address and address.removeprefix("+").lower() in text)
            or (known_as and known_as.lower() in text)
            or (name and name.lower() in text)
        ):
            return False
    return True


def _saying(outcome: Outcome, detail: str) -> Outcome:
    return outcome if outcome.detail == detail else replace(outcome, detail=detail)


def _traces(person: Recipient, text: str) -> Iterator[tuple[str, bool]]:
    """What would give the person away; True where only as a word of its own, being a short word."""
    for value, whole in (
        (person.address, False),
        # As many providers spell a number.
        (person.address.removeprefix("+"), False),
        (person.subscriber_id, True),
        (person.name, True),
    ):
        if not value:
            continue
        yield value, whole
        if "%" in text:
            yield quote(value, safe=""), whole
        if "\\" in text:
            yield json.dumps(value)[1:-1], whole


def _without_torn_end(text: str, trace: str) -> str:
    """Cut off what is the beginning of a trace, at the end of a text that was clipped before."""
    lowered = text.lower()
    at = lowered.find(trace[:TORN], max(0, len(text) - len(trace)))
    while at >= 0 and not trace.startswith(lowered[at:]):
        at = lowered.find(trace[:TORN], at + 1)
    return text if at < 0 or len(trace) < TORN else text[:at]
