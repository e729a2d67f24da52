"""What the client log says: which messages there must be, and whose choices stood when.

The harness knows no epochs. It knows when it asked and when it was answered, by one counter, and
that a write is visible to every request after its answer. So a choice stood *surely* from the
answer that made it until the request that ended it, and *possibly* from request to answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

NEVER = 2**62
Event = Mapping[str, Any]


class Line(NamedTuple):
    """One message as it was asked for; every body is asked for once."""

    category: str
    title: str | None
    body: str


class Fate(Enum):
    """What the client knows of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Request:
    """A publish, with all of its retries and repeats under the same key."""

    lines: tuple[Line, ...]
    key: str | None
    asked: int
    closed: int = NEVER
    """Accepted before this, or never."""
    fate: Fate = Fate.UNKNOWN
    answers: list[tuple[str, ...]] = field(default_factory=list)
    """The ids of every 202; all of them must be the same."""


class Span(NamedTuple):
    """A change of choices happened after `asked` and before `answered`."""

    asked: int
    answered: int


@dataclass(frozen=True, slots=True)
class Interval:
    """One (category, channel, subscriber) choice, as far as the client can know it."""

    subscriber: str
    channel: str
    opened: Span
    closed: Span | None

    def surely(self, request: Request) -> bool:
        """Whether it stood throughout the time in which the request was accepted."""
        ends = NEVER if self.closed is None else self.closed.asked
        return self.opened.answered <= request.asked and request.closed <= ends

    def possibly(self, request: Request) -> bool:
        """Whether it stood at some moment of that time."""
        ends = NEVER if self.closed is None else self.closed.answered
        return self.opened.asked < request.closed and request.asked < ends


@dataclass(frozen=True, slots=True)
class Read:
    """A message as GET showed it; `line` is None where it was not found."""

    message: str
    line: Line | None


@dataclass(slots=True)
class _Operation:
    """An entry of the log: what was asked, when first, and how it ended."""

    payload: Event
    asked: int
    answered: int | None = None
    status: int = 0
    answer: Event = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """The log, understood."""

    requests: tuple[Request, ...]
    rebound: tuple[str, ...]
    """Keys that were given another content and accepted it."""
    intervals: Mapping[str, tuple[Interval, ...]]
    """By category."""
    reads: tuple[Read, ...]
    failures: tuple[str, ...]
    """Answers that a request did not expect; a message that is not found is for the checker."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> "History":
        """From the events of the log, in order."""
        operations = _operations(events)
        requests, rebound = _requests(operations)
        return cls(
            requests=tuple(requests),
            rebound=tuple(rebound),
            intervals=_intervals(operations),
            reads=tuple(_reads(operations)),
            failures=tuple(
                f"{one.payload['kind']} was answered {one.status}"
                for one in operations
                if one.status and one.status not in one.payload["expected"]
            ),
        )


def chosen(preferences: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The rule of matching, written again: every (category, channel) that the choices give."""
    found = set()
    for category in preferences["categories"]:
        own = preferences["overrides"].get(category)
        for channel in preferences["channels"] if own is None else own:
            found.add((category, channel))
    return frozenset(found)


def _operations(events: Iterable[Event]) -> list[_Operation]:
    """In the order of their first asking. A crash ends what was not answered: nobody is left."""
    known: dict[int, _Operation] = {}
    for event in events:
        match event["event"]:
            case "ask":
                known.setdefault(event["op"], _Operation(event, event["n"]))
                known[event["op"]].answered = None
            case "answer":
                one = known[event["op"]]
                one.answered, one.status, one.answer = event["n"], event["status"], event
            case "crash":
                for one in known.values():
                    if one.answered is None:
                        one.answered = event["n"]
    return list(known.values())


def _requests(operations: Iterable[_Operation]) -> tuple[list[Request], list[str]]:
    """Retries and repeats under one key are one request; other content under it is its own."""
    found: list[Request] = []
    rebound: list[str] = []
    by_key: dict[str, Request] = {}
    for one in operations:
        if one.payload["kind"] != "publish":
            continue
        key = one.payload["key"]
        request = Request(tuple(Line(*line) for line in one.payload["lines"]), key, one.asked)
        first = request if key is None else by_key.setdefault(key, request)
        if first is not request and first.lines == request.lines:
            request = first
        else:
            found.append(request)
            if first is not request and one.status == 202:
                rebound.append(key)
        _close(request, one)
    return found, rebound


def _close(request: Request, one: _Operation) -> None:
    """Whichever answer says the most, and the earliest of that kind."""
    moment = NEVER if one.answered is None else one.answered
    if one.status == 202:
        request.answers.append(tuple(one.answer["ids"]))
        if request.fate is Fate.ACCEPTED:
            return
        request.fate, request.closed = Fate.ACCEPTED, moment
    elif request.fate is not Fate.ACCEPTED:
        request.fate = Fate.REFUSED if one.status else Fate.UNKNOWN
        request.closed = moment


def _intervals(operations: Iterable[_Operation]) -> dict[str, tuple[Interval, ...]]:
    """Each person's changes are asked one after another, so their order is known."""
    versions: dict[str, list[tuple[Span, frozenset[tuple[str, str]]]]] = defaultdict(list)
    for one in operations:
        if one.payload["kind"] == "choose" and one.status < 400:
            done = one.answered if one.status else None
            span = Span(one.asked, NEVER if done is None else done)
            for who, preferences in one.payload["people"].items():
                versions[who].append((span, chosen(preferences)))
    found: dict[str, list[Interval]] = defaultdict(list)
    for who, changes in versions.items():
        for category, interval in _of_one(who, changes):
            found[category].append(interval)
    return {category: tuple(intervals) for category, intervals in found.items()}


def _of_one(
    who: str, changes: list[tuple[Span, frozenset[tuple[str, str]]]]
) -> Iterator[tuple[str, Interval]]:
    standing: dict[tuple[str, str], Span] = {}
    for span, choices in changes:
        for choice in sorted(standing.keys() - choices):
            yield choice[0], Interval(who, choice[1], standing.pop(choice), span)
        for choice in choices:
            standing.setdefault(choice, span)
    for (category, channel), opened in sorted(standing.items()):
        yield category, Interval(who, channel, opened, None)


def _reads(operations: Iterable[_Operation]) -> Iterator[Read]:
    for one in operations:
        if one.payload["kind"] == "read" and one.status in (200, 404):
            line = one.answer.get("line")
            yield Read(one.payload["message"], None if line is None else Line(*line))
