"""What a job of the writer may use."""

import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import apsw

from notefly.adapters.relational.statements import load_all
from notefly.adapters.relational.times import micros
from notefly.adapters.relational.transaction import Details, Fact, Row, Values
from notefly.domain.ids import Epoch

STATEMENTS = load_all(
    "notefly.adapters.sqlite",
    *("alike", "batches", "deliveries", "figures", "keys", "members", "messages", "names"),
    "subscribers",
)


class Reading:
    """A connection inside a read transaction. Statements go by name; a text stands for itself."""

    undone = 0
    """How many transactions were rolled back whole; what was learnt in one may be untrue. None,
    for who reads: only what is committed is seen."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        return self._execute(statement, values).fetchall()

    def stream(self, statement: str, values: Values = ()) -> Iterable[Row]:
        """Rows one by one; for what may be long."""
        return self._execute(statement, values)

    def each(self, statement: str, asked: Sequence[Row]) -> list[Row]:
        """As JSON: rows of several types."""
        return self.rows(statement, (json.dumps(asked),))

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row."""
        return self._execute(statement, values).fetchone()

    def value(self, statement: str, values: Values = ()) -> Any:
        """The first column of the first row, None without one."""
        row = self._execute(statement, values).fetchone()
        return None if row is None else row[0]

    def keys(self, keys: Sequence[int]) -> object:
        """An array for `carray(?)`, which SQLite reads without a call into Python for each.

        An empty one would be refused; no key is 0.
        """
        return apsw.carray(array("q", keys or (0,)))

    @property
    def epoch(self) -> Epoch:
        """The counter that every change of choices moves on."""
        return Epoch(self.value("SELECT value FROM meta WHERE name = 'epoch'"))

    def _execute(self, statement: str, values: Values) -> apsw.Cursor:
        return self._connection.execute(STATEMENTS.get(statement, statement), values)


class Transaction(Reading):
    """The same inside a write transaction; each job stands in a savepoint of its own."""

    waiting = 0
    """Deliveries that have not ended, and messages to plan; what is undone takes it back."""
    erased = False
    """Set by whoever erased somebody: the log of writes must not remember them either."""

    def __init__(
        self, connection: apsw.Connection, now: Callable[[], datetime] | None = None
    ) -> None:
        """Without `now` for who never moves the epoch."""
        super().__init__(connection)
        self._now = now
        self._moved = False
        # What lay in the store when it was opened has been durable at least since then.
        self._durable_at = micros(now()) if now is not None else None

    def begun(self) -> None:
        """Write down since when the epoch has been durable; a commit cannot know its own end."""
        if self._durable_at is not None:
            self.run(
                "INSERT OR IGNORE INTO epoch SELECT value, ? FROM meta WHERE name = 'epoch'",
                (self._durable_at,),
            )

    def ended(self, *, durable: bool) -> None:
        """Before anybody is answered, so the time is the latest at which the change was made."""
        if durable:
            self._durable_at = micros(self._now()) if self._now and self._moved else None
        self._moved = False

    def run(self, statement: str, values: Values = ()) -> int:
        """Execute, and say how many rows it changed."""
        for _ in self._execute(statement, values):
            pass
        return self._connection.changes()

    def insert(self, statement: str, values: Values = ()) -> int:
        """Execute, and say which rowid was given."""
        for _ in self._execute(statement, values):
            pass
        return self._connection.last_insert_rowid()

    def many(self, statement: str, values: Iterable[Values]) -> None:
        for _ in self._connection.executemany(STATEMENTS.get(statement, statement), values):
            pass

    def hold_epoch(self) -> None:
        """There is one writer."""

    def forget(self) -> None:
        """The log of writes is emptied after the commit."""
        self.erased = True

    def next_epoch(self) -> Epoch:
        """Move the epoch on, in this commit."""
        self._moved = True
        return Epoch(
            self.value("UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value")
        )

    def add_planned(self, batches: Sequence[Row]) -> Sequence[int]:
        first: int = self.value("batches.last_batch") + 1
        rows = [(first + n, *row) for n, row in enumerate(batches)]
        self.run("batches.add_planned", (json.dumps(rows),))
        return range(first, first + len(rows))

    def record_new(self, scope: Mapping[str, Any], details: Details) -> int:
        return self._record("members.record_new", scope, details)

    def record_waiting(self, scope: Mapping[str, Any], details: Details) -> int:
        return self._record("members.record_waiting", scope, details)

    def _record(self, statement: str, scope: Mapping[str, Any], details: Details) -> int:
        """As one JSON object: SQLite parses it once, where an array of pairs is parsed for each."""
        words = json.dumps(dict(details), ensure_ascii=False)
        return self.run(statement, {**scope, "details": words})

    def tell(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            values = (fact.at, fact.message, fact.channel, fact.state, fact.deliveries)
            self.run("batches.add_event", (*values, fact.subscriber))
            if fact.terminal:
                self.waiting -= fact.deliveries
                self.run("batches.add_tally", values[2:])
