"""Details are kept longer than people: nothing in a channel's words may name who it was about."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from operator import contains
from typing import Any
from urllib.parse import quote

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import DETAIL_LIMIT, Outcome, Outcomes

REDACTED = "[redacted]"
BETWEEN, NEVER = "\0", "\1"
"""What joins texts into one, and what stands for nothing to be found."""
TORN = 4
"""Characters of an address that still tell something where a text was cut in its middle."""


def anonymous(outcomes: Outcomes, people: Collection[Recipient]) -> Outcomes:
    """The same answers without address, name and external id of the people handed over.

    What was said of several is searched for all of them, what was said of one for that one.
    """
    said = {s: o.detail for s, o in outcomes.exceptions.items() if o.detail}
    exceptions, default = outcomes.exceptions, outcomes.default
    if not said and not default.detail:
        return outcomes
    crowd = _Crowd(people)
    if said and not crowd.none_named_in_their_own(said):
        exceptions = _without_names(exceptions, said, people)
    if default.detail and not crowd.none_named_in(default.detail):
        default = _saying(default, redacted(default.detail, people))
    return Outcomes(default, exceptions)


class _Crowd:
    """Shows at once, of many texts and people, that nobody is named: without a step for each.

    Columns of texts are lowered as one string each and compared in C. What cannot be shown in this
    way need not be so: then every text is looked at.
    """

    def __init__(self, people: Collection[Recipient]) -> None:
        columns: list[tuple[Any, ...]] = [*zip(*people, strict=True)] or [()]
        self._subscribers: Collection[SubscriberKey] = columns[0]
        # What the person is known by, name and address.
        self._columns = [_lowered(column) for column in columns[1:]]
        self._sound = all(len(column) == len(people) for column in self._columns)

    def none_named_in(self, text: str) -> bool:
        """Whether a text about all of them names none."""
        lowered = text.lower()
        return self._legible(text, 1) and not any(
            any(map(lowered.__contains__, column)) for column in self._columns
        )

    def none_named_in_their_own(self, said: Mapping[SubscriberKey, str]) -> bool:
        """Whether no text names the one whom it is about; nothing may be said of two."""
        every = BETWEEN.join(said.values())
        if len(set(said.values())) < len(said) or not self._legible(every, len(said)):
            return False
        lowered = dict(zip(said, every.lower().split(BETWEEN), strict=True))
        texts = [lowered.pop(subscriber, "") for subscriber in self._subscribers]
        return not lowered and not any(
            any(map(contains, texts, column)) for column in self._columns
        )

    def _legible(self, text: str, texts: int) -> bool:
        """Nothing in it is encoded, cut off, or like what stands between two."""
        return (
            self._sound
            and text.count(BETWEEN) == texts - 1
            and not any(sign in text for sign in ("%", "\\", NEVER))
            and max(map(len, text.split(BETWEEN))) < DETAIL_LIMIT
        )


def _lowered(column: Iterable[str]) -> list[str]:
    """Without the `+` of a number, which many providers leave away."""
    joined = BETWEEN + BETWEEN.join([one or NEVER for one in column]).lower()
    return joined.replace(BETWEEN + "+", BETWEEN).split(BETWEEN)[1:]


def _without_names(
    exceptions: Mapping[SubscriberKey, Outcome],
    said: Mapping[SubscriberKey, str],
    people: Collection[Recipient],
) -> Mapping[SubscriberKey, Outcome]:
    shared: dict[str, SubscriberKey | None] = {}
    for subscriber, detail in said.items():
        shared[detail] = None if detail in shared else subscriber
    by_key = {person.subscriber: person for person in people}
    known: dict[str, str] = {}
    for detail, alone in shared.items():
        about = people if alone is None or alone not in by_key else [by_key[alone]]
        known[detail] = redacted(detail, about)
    if all(before == after for before, after in known.items()):
        return exceptions
    return {
        subscriber: _saying(outcome, known[outcome.detail]) if outcome.detail else outcome
        for subscriber, outcome in exceptions.items()
    }


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
