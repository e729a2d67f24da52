"""What must have become of everybody on a bad channel, by all three witnesses and the provider."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from notefly_test_channels.brute import GIVEN_UP, HABITS, POISON

from notefly.adapters.sqlite.connection import open_reader, store_path
from notefly.domain.outcome import RetryPolicy
from tests.faults import provider as http
from tests.faults.checker import Finding, Kind, parse_calls
from tests.faults.fault import Tally
from tests.faults.product import Place
from tests.faults.provider import Provider
from tests.faults.record import DEAD, DELIVERED

BRUTE, COURIER = "brute", "courier"
ROWS = """
SELECT c.name, p.id, d.state, d.reason, d.attempt, d.subscriber, d.detail FROM delivery d
JOIN channel c ON c.key = d.channel JOIN subscriber p ON p.key = d.subscriber
JOIN message m ON m.key = d.message JOIN category g ON g.key = m.category WHERE g.name <> 'good'
"""
DETAILS = """
SELECT detail FROM delivery WHERE detail IS NOT NULL UNION ALL SELECT detail FROM attempt
WHERE detail IS NOT NULL UNION ALL SELECT detail FROM handover WHERE detail IS NOT NULL
UNION ALL SELECT detail FROM earlier_round WHERE detail IS NOT NULL
"""
EXHAUSTED, REFUSED, POISONED = 0, 2, 3
"""Reasons as they stand in a row."""
DIED = re.compile(rb"^.*hand-over of \S+ failed.*$", re.MULTILINE)
TROUBLE = re.compile(rb"^.*(?:ERROR|CRITICAL|Traceback).*$", re.MULTILINE)


class Ended(NamedTuple):
    """A row of the log about somebody on a bad channel."""

    channel: str
    who: str
    state: int
    reason: int | None
    attempt: int
    key: int
    detail: str | None

    @property
    def habit(self) -> str:
        return self.who.split("-")[0]


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The store, the calls, the posts, and what was printed."""

    place: Place
    provider: Provider
    people: Mapping[str, Sequence[str]]
    token: str
    """In every name and address of them."""
    tally: Tally

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong."""
        rows = [Ended(*row) for row in rows_of(self.place, ROWS)]
        yield from self.endings(rows)
        yield from self.calls(rows)
        yield from self.posts()
        yield from self.words(rows)

    def endings(self, rows: Sequence[Ended]) -> Iterator[Finding]:
        """Everybody has one row, and it ended as it had to."""
        found = Counter((row.channel, row.who) for row in rows)
        wanted = {(channel, who) for channel in (BRUTE, COURIER) for who in self.people[channel]}
        for channel, who in wanted - found.keys():
            yield Finding(Kind.LOST, f"{who} has no delivery on {channel}")
        self.tally.counts["deliveries"] += len(rows)
        for row in rows:
            state, reason = EXPECTED[row.channel].get(row.habit, (DELIVERED, None))
            if (row.state, row.reason) != (state, reason):
                told = f"{row.who} on {row.channel} ended as {row.state} ({row.reason})"
                yield Finding(Kind.TORN, f"{told}, not {state} ({reason}): {row.detail}")
            if row.state == DEAD:
                self.tally.counts["dead letters"] += 1

    def calls(self, rows: Sequence[Ended]) -> Iterator[Finding]:
        """Attempts are numbered once, and none is called beyond them (I5)."""
        calls = parse_calls(
            "\n".join(
                line for line in self.place.calls.read_text().splitlines() if f".{BRUTE}." in line
            ),
            BRUTE,
        )
        called: dict[int, Sequence[int]] = {}
        for by_person in calls.values():
            called |= by_person
        for row in rows:
            if row.channel != BRUTE:
                continue
            numbers = called.get(row.key, ())
            self.tally.counts["calls"] += len(numbers)
            if len(numbers) != len(set(numbers)) or max(numbers, default=0) > row.attempt:
                told = f"{row.who} was called for {list(numbers)} in {row.attempt} attempts"
                yield Finding(Kind.OVER_CALLED, told)
            if row.state == DELIVERED and row.attempt not in numbers:
                yield Finding(Kind.LOST, f"{row.who} is delivered, called for {list(numbers)}")

    def posts(self) -> Iterator[Finding]:
        """What the provider saw: the right class of retry, Retry-After, one key for each."""
        attempts = RetryPolicy().attempts
        for address in self.people[COURIER]:
            habit, seen = address.split("-")[0], self.provider.seen[address]
            self.tally.counts["posts"] += len(seen)
            least, most = POSTS.get(habit, (1, attempts))
            if not least <= len(seen) <= most:
                yield Finding(Kind.OVER_CALLED, f"{address} was posted to {len(seen)} times")
            if len(self.provider.keys[address]) > 1:
                yield Finding(Kind.ALTERED, f"{address} was posted to under several keys")
            if self.provider.accepted[address] != (habit in http.DELIVERED):
                told = f"{self.provider.accepted[address]} times"
                yield Finding(Kind.OVER_CALLED, f"{address} was accepted {told}")
            not_before = self.provider.not_before.get(address)
            if not_before is not None and any(at < not_before for at in seen[1:]):
                yield Finding(Kind.OVER_CALLED, f"{address} was posted to before its Retry-After")
        if self.provider.sent_bytes > http.ENDLESS_BYTES // 10:
            told = f"{self.provider.sent_bytes:,} bytes were read"
            yield Finding(Kind.ERROR, f"{told} of a body without an end")

    def words(self, rows: Sequence[Ended]) -> Iterator[Finding]:
        """What was printed and kept: bounded, few deaths, and no address in it."""
        words = self.place.words.read_bytes()
        deaths = len(DIED.findall(words))
        killers = sum(row.reason == POISONED for row in rows)
        bound = 3 * killers + 2 * (len(rows) // 1_000 + 1)
        self.tally.measured["processes that died"] = f"{deaths} (≤ {bound})"
        if deaths > bound:
            yield Finding(Kind.ERROR, f"{deaths} processes died of {killers} people")
        for match in TROUBLE.findall(words)[:10]:
            yield Finding(Kind.ERROR, match.decode(errors="replace"))
        leaks = [line for line in words.splitlines() if self.token.encode() in line]
        details = [row[0] for row in rows_of(self.place, DETAILS)]
        self.tally.counts["details searched"] += len(details)
        for text in (*leaks, *(one for one in details if self.token in one)):
            yield Finding(Kind.LEAK, f"an address is kept: {text!r:.200}")


def rows_of(place: Place, sql: str) -> list[tuple[Any, ...]]:
    """Of one moment; the broker may be running."""
    connection = open_reader(str(store_path(place.data)))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


EXPECTED: Mapping[str, Mapping[str, tuple[int, int | None]]] = {
    BRUTE: dict.fromkeys(POISON, (DEAD, POISONED))
    | dict.fromkeys(GIVEN_UP, (DEAD, EXHAUSTED))
    | {"verbose": (DEAD, REFUSED)},
    COURIER: dict.fromkeys(http.REFUSED, (DEAD, REFUSED))
    | dict.fromkeys(http.EXHAUSTED, (DEAD, EXHAUSTED)),
}
POSTS: Mapping[str, tuple[int, int]] = {
    **dict.fromkeys(http.REFUSED | {"ok", "endless"}, (1, 1)),
    **dict.fromkeys({"busy", "dated", "reset"}, (2, 2)),
    **dict.fromkeys({"s408", "s425", "s500", "s502", "s503"}, (3, 3)),
    **dict.fromkeys(http.EXHAUSTED, (RetryPolicy().attempts, RetryPolicy().attempts)),
}
assert HABITS.keys() - {"print"} <= POISON | GIVEN_UP, "every habit has its expected end"
