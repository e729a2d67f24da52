"""What must hold between the client log, the channel log and the store; pure, and tested first.

Three witnesses that do not know each other: what the client was answered, what a channel outside
the product was called for, and what the store says. It believes none of them alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.faults.history import Fate, History, Interval, Request
from tests.faults.record import CANCELLED, DEAD, DELIVERED, TERMINAL, Attempt, Message, Record, Row


class Kind(StrEnum):
    """What can be wrong, in the words of the summary."""

    LOST = "lost"
    GHOST = "ghosts"
    STUCK = "stuck"
    OVER_CALLED = "over-called"
    ALTERED = "altered"
    REBOUND = "rebound"
    TORN = "torn"
    DEAD = "dead"
    UNANSWERED = "unanswered"
    INVARIANT = "invariants broken"
    ORPHAN = "orphans"
    ERROR = "errors"
    SLOW = "too slow"
    LEAK = "leaks"
    BOUND = "bounds broken"
    UNDOCUMENTED = "undocumented answers"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where."""

    kind: Kind
    detail: str


Calls = Mapping[str, Mapping[int, Sequence[int]]]
"""Message → subscriber key → the attempts for which the recording channel was called."""


def parse_calls(text: str, channel: str) -> Calls:
    """The channel log: a line "message.channel.subscriber attempt" for each recipient and call."""
    found: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for line in text.splitlines():
        delivery, _, attempt = line.partition(" ")
        message, named, subscriber = delivery.split(".")
        if named != channel:
            raise ValueError(f"a call of {named!r} in the log of {channel!r}")
        found[message][int(subscriber)].append(int(attempt))
    return found


@dataclass(frozen=True, slots=True)
class Checker:
    """One look at one moment. `drained`: by now everything must have ended."""

    history: History
    calls: Calls
    record: Record
    channel: str
    """The one that recorded its calls."""
    drained: bool
    looked: Counter[str] = field(default_factory=Counter)
    """`undecided`: deliveries of which the client cannot know whether they had to be."""

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong."""
        yield from self._answers()
        by_body = self._by_body()
        for request in self.history.requests:
            kept = [by_body.pop(line.body, []) for line in request.lines]
            yield from self._request(request, kept)
            for message in (one for found in kept for one in found):
                yield from self._message(message, request)
        for message in (one for found in by_body.values() for one in found):
            yield Finding(Kind.GHOST, f"message {message.id} was never asked for")
        yield from self._strange_calls()
        yield from self._batches()

    def _answers(self) -> Iterator[Finding]:
        """What the client saw with its own eyes."""
        asked = {
            message: line
            for request in self.history.requests
            for ids in request.answers
            for message, line in zip(ids, request.lines, strict=False)
        }
        for detail in self.history.failures:
            yield Finding(Kind.ERROR, detail)
        for key in self.history.rebound:
            yield Finding(Kind.REBOUND, f"key {key} was given to another content")
        for read in self.history.reads:
            if read.line is None:
                yield Finding(Kind.LOST, f"message {read.message} was accepted, GET finds none")
            elif read.line != asked.get(read.message):
                yield Finding(Kind.ALTERED, f"message {read.message} reads {read.line}")

    def _by_body(self) -> dict[str, list[Message]]:
        found: dict[str, list[Message]] = {}
        for message in self.record.messages:
            found.setdefault(message.body, []).append(message)
        return found

    def _request(self, request: Request, kept: list[list[Message]]) -> Iterator[Finding]:
        """Accepted: every line once. Refused: none. Unknown: all or none."""
        stored = sum(map(len, kept))
        told = f"{request.lines[0].body}: {stored} of {len(request.lines)} lines are stored"
        if max(map(len, kept)) > 1:
            yield Finding(Kind.GHOST, f"{told}, one of them twice")
        if request.fate is Fate.REFUSED and stored:
            yield Finding(Kind.GHOST, f"{told}, of what was refused")
        if request.fate is Fate.UNKNOWN and 0 < stored < len(request.lines):
            yield Finding(Kind.TORN, told)
        if request.fate is Fate.ACCEPTED:
            yield from self._accepted(request, kept)

    def _accepted(self, request: Request, kept: list[list[Message]]) -> Iterator[Finding]:
        if len(set(request.answers)) > 1:
            yield Finding(Kind.REBOUND, f"key {request.key} gave {sorted(set(request.answers))}")
        ids = request.answers[0]
        if len(ids) != len(request.lines):
            yield Finding(Kind.ALTERED, f"{request.lines[0].body}: not as many ids as lines")
        for message, line, found in zip(ids, request.lines, kept, strict=False):
            if not found:
                yield Finding(Kind.LOST, f"message {message} was accepted, the store has none")
            elif found[0].id != message or found[0].line != line:
                yield Finding(Kind.ALTERED, f"message {message} is stored as {found[0]}")

    def _message(self, message: Message, request: Request) -> Iterator[Finding]:
        """Its deliveries are its audience: who surely was in it has one, who cannot be has none."""
        rows = dict(self.record.rows.get(message.key, {}))
        calls = dict(self.calls.get(message.id, {}))
        members = self._members(message, request)
        unfinished = message.key in self.record.unfinished
        if unfinished and self.drained:
            yield Finding(Kind.STUCK, f"message {message.id} has work left")
        for (channel, subscriber), intervals in members.items():
            called = calls.pop(subscriber, ()) if channel == self.channel else None
            row = rows.pop((channel, subscriber), None)
            place = f"{message.id}.{channel}.{subscriber}"
            if row is not None:
                sure = any(interval.surely(request) for interval in intervals)
                self.looked["undecided"] += not sure
                yield from self._row(place, row, intervals)
                if called is not None:
                    yield from self._called(place, row, called)
            elif not unfinished:
                yield from self._missing(place, request, intervals, called)
        for channel, subscriber in rows:
            detail = f"{message.id}.{channel}.{subscriber} is not of its audience"
            yield Finding(Kind.GHOST, detail)
        for subscriber in calls:
            detail = f"{message.id}.{self.channel}.{subscriber} was called outside its audience"
            yield Finding(Kind.GHOST, detail)

    def _members(self, message: Message, request: Request) -> dict[tuple[str, int], list[Interval]]:
        """Everybody who may be in the audience. Whoever the store does not know is told by name."""
        found: dict[tuple[str, int], list[Interval]] = defaultdict(list)
        for interval in self.history.intervals.get(message.category, ()):
            if interval.possibly(request):
                subscriber = self.record.subscribers.get(interval.subscriber, 0)
                found[interval.channel, subscriber].append(interval)
        return found

    def _missing(
        self,
        place: str,
        request: Request,
        intervals: Sequence[Interval],
        called: Sequence[int] | None,
    ) -> Iterator[Finding]:
        if any(interval.surely(request) for interval in intervals):
            who = intervals[0].subscriber
            yield Finding(Kind.LOST, f"{place} ({who}) is of the audience, and has no delivery")
        elif called:
            yield Finding(Kind.GHOST, f"{place} was called and has no delivery")

    def _row(self, place: str, row: Row, intervals: Sequence[Interval]) -> Iterator[Finding]:
        if row.state == DEAD:
            yield Finding(Kind.DEAD, f"{place} is a dead letter")
        elif row.state == CANCELLED and all(interval.closed is None for interval in intervals):
            yield Finding(Kind.LOST, f"{place} is cancelled, and nobody took the choice back")
        elif row.state not in TERMINAL and self.drained:
            yield Finding(Kind.STUCK, f"{place} is in state {row.state}")
        attempt = self.record.attempts.get((row.batch, row.attempt))
        if row.state == DELIVERED and (attempt is None or attempt.ending is None):
            yield Finding(Kind.TORN, f"{place} is delivered by an attempt that has not ended")

    def _called(self, place: str, row: Row, called: Sequence[int]) -> Iterator[Finding]:
        """I5 on a channel that accepts every call: one, and one more for each lost attempt."""
        lost = _lost_attempts(self.record, row)
        if len(called) > 1 + lost or len(called) != len(set(called)):
            detail = f"{place} was called for attempts {list(called)}, of which {lost} were lost"
            yield Finding(Kind.OVER_CALLED, detail)
        if called and max(called) > row.attempt:
            detail = f"{place} ended in attempt {row.attempt}, called for {max(called)}"
            yield Finding(Kind.OVER_CALLED, detail)
        if row.state == DELIVERED and row.attempt not in called:
            detail = f"{place} is delivered by attempt {row.attempt}, called for {list(called)}"
            yield Finding(Kind.LOST, detail)
        if row.state == CANCELLED and row.attempt in called:
            yield Finding(Kind.GHOST, f"{place} was called, and cancelled by the same attempt")

    def _strange_calls(self) -> Iterator[Finding]:
        for message in self.calls.keys() - {one.id for one in self.record.messages}:
            yield Finding(Kind.GHOST, f"message {message} was called, the store has none")

    def _batches(self) -> Iterator[Finding]:
        """At every moment a batch has counted exactly the rows that name it, or did so once."""
        reopened = self.record.reopened.items()
        counted = Counter({(batch, DEAD): replayed for batch, replayed in reopened})
        for rows in self.record.rows.values():
            counted.update((row.batch, row.state) for row in rows.values())
        for batch in self.record.batches.values():
            rows_of = tuple(counted[batch.key, s] for s in (DELIVERED, DEAD, CANCELLED))
            if rows_of != batch.ended:
                told = f"batch {batch.key} counts {batch.ended} ends, its rows are {rows_of}"
                yield Finding(Kind.TORN, told)
        for key in {batch for batch, _ in counted} - self.record.batches.keys():
            yield Finding(Kind.GHOST, f"rows name batch {key}, which does not exist")


def _lost_attempts(record: Record, row: Row) -> int:
    """Attempts of the delivery's lineage, up to the one that ended it, whose answer was lost."""
    lost, key, last = 0, row.batch, row.attempt
    while (batch := record.batches.get(key)) is not None:
        for number in range(batch.base + 1, last + 1):
            lost += _was_lost(record.attempts.get((key, number)))
        if batch.parent is None:
            break
        key, last = batch.parent, batch.base
    return lost


def _was_lost(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.ending in ("interrupted", "died")
