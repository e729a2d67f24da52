"""The store as the checker sees it: read by plain SQL, without any of the product's own views."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from notefly.adapters.sqlite.connection import open_reader
from tests.faults.history import Line

DELIVERED, RETRYING, DEAD, CANCELLED = 1, 2, 3, 4
TERMINAL = (DELIVERED, DEAD, CANCELLED)

MESSAGES = """
SELECT m.key, m.id, c.name, m.title, m.body FROM message m JOIN category c ON c.key = m.category
"""
ROWS = """
SELECT d.message, c.name, d.subscriber, d.state, d.batch, d.attempt
FROM delivery d JOIN channel c ON c.key = d.channel
"""
BATCHES = "SELECT key, parent, base, delivered, dead, cancelled FROM batch"
ATTEMPTS = "SELECT batch, number, ending FROM attempt"
REOPENED = "SELECT batch, count(*) FROM earlier_round GROUP BY batch"
UNFINISHED = "SELECT message FROM unplanned UNION SELECT message FROM batch WHERE state < 3"
SUBSCRIBERS = "SELECT id, key FROM subscriber WHERE id IS NOT NULL"
LOOKS = (MESSAGES, ROWS, BATCHES, ATTEMPTS, REOPENED, UNFINISHED, SUBSCRIBERS)
"""Every engine's tables answer them; ids of messages as sixteen bytes."""


class Message(NamedTuple):
    """An accepted message."""

    key: int
    id: str
    category: str
    title: str | None
    body: str

    @property
    def line(self) -> Line:
        return Line(self.category, self.title, self.body)


class Row(NamedTuple):
    """A recorded delivery."""

    state: int
    batch: int
    attempt: int


class Batch(NamedTuple):
    """What a batch says of itself; `ended` is delivered, dead, cancelled."""

    key: int
    parent: int | None
    base: int
    ended: tuple[int, int, int]


class Attempt(NamedTuple):
    """`ending` is None while it is open."""

    ending: str | None


@dataclass(frozen=True, slots=True)
class Record:
    """One moment of the store."""

    messages: tuple[Message, ...]
    subscribers: Mapping[str, int]
    rows: Mapping[int, Mapping[tuple[str, int], Row]]
    """By message key, then (channel, subscriber key)."""
    batches: Mapping[int, Batch]
    attempts: Mapping[tuple[int, int], Attempt]
    unfinished: frozenset[int]
    """Message keys with work left."""
    reopened: Mapping[int, int] = field(default_factory=dict)
    """By batch: dead letters that it counts, and that were replayed since."""


def read_record(path: Path) -> Record:
    """All of it, in one read transaction; the broker may be running."""
    connection = open_reader(str(path), earlier=True)
    try:
        connection.execute("BEGIN").fetchall()
        return record_of({sql: connection.execute(sql).fetchall() for sql in LOOKS})
    finally:
        connection.close()


def schema(path: Path) -> int:
    """The number of the last migration; 0 where none was finished."""
    connection = open_reader(str(path), earlier=True)
    try:
        return int(connection.pragma("user_version"))
    finally:
        connection.close()


def work_left(path: Path) -> int:
    """How many messages are not done."""
    connection = open_reader(str(path), earlier=True)
    try:
        return len(connection.execute(UNFINISHED).fetchall())
    finally:
        connection.close()


def attempts_that(path: Path, ending: str) -> int:
    """How many attempts ended so; the broker may be running."""
    connection = open_reader(str(path), earlier=True)
    try:
        sql = "SELECT 1 FROM attempt WHERE ending = ?"
        return len(connection.execute(sql, (ending,)).fetchall())
    finally:
        connection.close()


class OpenWork(NamedTuple):
    """Batches that are not done."""

    ready: int
    leased: int
    waiting: int


def open_work(path: Path) -> OpenWork:
    """As it stands right now; the broker may be running."""
    connection = open_reader(str(path), earlier=True)
    try:
        states = [row[0] for row in connection.execute("SELECT state FROM batch WHERE state < 3")]
        return OpenWork(*map(states.count, range(3)))
    finally:
        connection.close()


def record_of(found: Mapping[str, Sequence[Any]]) -> Record:
    """From what LOOKS gave at one moment."""
    rows: dict[int, dict[tuple[str, int], Row]] = defaultdict(dict)
    for message, channel, subscriber, state, batch, attempt in found[ROWS]:
        rows[message][channel, subscriber] = Row(state, batch, attempt)
    return Record(
        messages=tuple(
            Message(key, str(UUID(bytes=uuid)), *rest) for key, uuid, *rest in found[MESSAGES]
        ),
        subscribers=dict(found[SUBSCRIBERS]),
        rows=rows,
        batches={
            key: Batch(key, parent, base, (delivered, dead, cancelled))
            for key, parent, base, delivered, dead, cancelled in found[BATCHES]
        },
        attempts={(batch, number): Attempt(ending) for batch, number, ending in found[ATTEMPTS]},
        unfinished=frozenset(row[0] for row in found[UNFINISHED]),
        reopened=dict(found[REOPENED]),
    )
