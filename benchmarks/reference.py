"""The least work that could be done instead: plain SQL on the product's own tables and pragmas.

`python -m benchmarks.reference '{"do": …}'` prints one JSON object, from a process of its own.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import apsw

from benchmarks.lines import rows_of
from notefly.adapters.relational.statements import load
from notefly.adapters.sqlite.connection import open_writer
from notefly.adapters.sqlite.wal import CHECKPOINT_PAGES

MESSAGES = load("notefly.adapters.sqlite", "messages")
SLICE = """
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT 1, ?1, s.subscriber, 1, NULL, 1, 1, 1, NULL FROM subscription s
WHERE s.category = ?2 AND s.channel = ?1 AND s.subscriber > ?3 AND s.subscriber <= ?4
AND s.from_epoch <= ?5 AND s.to_epoch > ?5
"""


@dataclass(slots=True)
class Plain:
    """A connection as the product opens it, with its policy of checkpoints."""

    connection: apsw.Connection
    wal_pages: int = field(default=0)

    @classmethod
    def open(cls, path: str) -> "Plain":
        plain = cls(open_writer(path))
        plain.connection.set_wal_hook(plain.saw_wal)
        return plain

    def saw_wal(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self.wal_pages = pages
        return apsw.SQLITE_OK

    def commit(self) -> None:
        self.connection.execute("COMMIT")
        if self.wal_pages >= CHECKPOINT_PAGES:
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self.wal_pages = 0

    def values(self, sql: str, *values: object) -> list[int]:
        return [row[0] for row in self.connection.execute(sql, values)]


def broadcast(path: str, category: str, rows_per_commit: int) -> dict[str, float]:
    """`INSERT … SELECT` of a category's audience, channel by channel."""
    plain = Plain.open(path)
    [key] = plain.values("SELECT key FROM category WHERE name = ?", category)
    [epoch] = plain.values("SELECT value FROM meta WHERE name = 'epoch'")
    channels = plain.values("SELECT DISTINCT channel FROM subscription WHERE category = ?", key)
    [first] = plain.values("SELECT min(subscriber) FROM subscription WHERE category = ?", key)
    [last] = plain.values("SELECT max(subscriber) FROM subscription WHERE category = ?", key)
    rows = commits = 0
    began = time.perf_counter()
    for channel in channels:
        for after, through in _slices(first - 1, last, rows_per_commit):
            plain.connection.execute("BEGIN IMMEDIATE")
            plain.connection.execute(SLICE, (channel, key, after, through, epoch))
            rows += plain.connection.changes()
            plain.commit()
            commits += 1
    return {"seconds": time.perf_counter() - began, "rows": rows, "commits": commits}


def messages(path: str, lines: int, rounds: int) -> dict[str, float]:
    """`executemany` of the same messages into the same tables, one commit a round."""
    plain = Plain.open(path)
    taken = []
    for turn in range(rounds):
        rows = rows_of(lines, 1, 1 + turn * lines)
        began = time.perf_counter()
        plain.connection.execute("BEGIN IMMEDIATE")
        plain.connection.executemany(MESSAGES["accept_with_key"], rows)
        plain.connection.executemany(MESSAGES["to_plan"], [row[:1] for row in rows])
        plain.commit()
        taken.append(time.perf_counter() - began)
    return {"seconds": sum(taken), "rows": lines * rounds}


def _slices(after: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    while after < last:
        through = min(after + size, last)
        yield after, through
        after = through


def main() -> None:
    asked = json.loads(sys.argv[1])
    do = {"broadcast": broadcast, "messages": messages}[asked.pop("do")]
    print(json.dumps(do(**asked)))  # type: ignore[operator]


if __name__ == "__main__":
    main()
