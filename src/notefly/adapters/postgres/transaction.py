"""What the rules may use, on one connection to the server."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from asyncpg import Connection, Pool, Record
from asyncpg.pool import PoolConnectionProxy
from typing_extensions import override

from notefly.adapters.postgres.statements import STATEMENTS, Statement
from notefly.adapters.postgres.waiting import answer
from notefly.adapters.relational.transaction import Details, Fact, Row, Values
from notefly.domain.ids import Epoch

CHUNK = 100
"""Rows that a stream fetches in one go."""
COLUMNS = (
    *("message", "channel", "subscriber", "state", "reason", "batch", "attempt", "round"),
    "detail",
)
"""Of a new row of the log."""
# Generic for the type checker only.
Link: TypeAlias = "Connection[Record] | PoolConnectionProxy[Record]"
Links: TypeAlias = "Pool[Record]"


class Reading:
    """A transaction that sees one moment. Statements go by name; a text stands for itself."""

    def __init__(self, link: Link, undone: int) -> None:
        self._link = link
        self.undone = undone

    def rows(self, statement: str, values: Values = ()) -> list[Row]:
        known = self._statement(statement)
        found = answer(self._link.fetch(known.text, *known.arguments(values)))
        return [tuple(row) for row in found]

    def stream(self, statement: str, values: Values = ()) -> Iterator[Row]:
        """Rows one by one; for what may be long."""
        known = self._statement(statement)
        cursor = answer(self._link.cursor(known.text, *known.arguments(values)))
        while found := answer(cursor.fetch(CHUNK)):
            yield from (tuple(row) for row in found)

    def each(self, statement: str, asked: Sequence[Row]) -> list[Row]:
        return self.rows(statement, columns(asked))

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row."""
        known = self._statement(statement)
        found = answer(self._link.fetchrow(known.text, *known.arguments(values)))
        return None if found is None else tuple(found)

    def value(self, statement: str, values: Values = ()) -> Any:
        """The first column of the first row, None without one."""
        known = self._statement(statement)
        return answer(self._link.fetchval(known.text, *known.arguments(values)))

    def _statement(self, name: str) -> Statement:
        return STATEMENTS.get(name) or Statement(name, ())

    def keys(self, keys: Sequence[int]) -> object:
        """An array."""
        return list(keys)

    @property
    def epoch(self) -> Epoch:
        """The counter that every change of choices moves on."""
        return Epoch(self.value("SELECT value FROM meta WHERE name = 'epoch'"))


class Transaction(Reading):
    """One that writes: each statement sees what was committed before it, and rows are locked."""

    waiting = 0
    """What this transaction adds to it, or takes off."""

    def __init__(self, link: Link, undone: int) -> None:
        super().__init__(link, undone)
        self._facts: list[Fact] = []
        self._new: list[Row] = []
        self.moved: Epoch | None = None
        """The epoch, if it was moved on here."""

    def run(self, statement: str, values: Values = ()) -> int:
        """Execute, and say how many rows it changed."""
        known = self._statement(statement)
        return _count(answer(self._link.execute(known.text, *known.arguments(values))))

    def insert(self, statement: str, values: Values = ()) -> int:
        """Execute, and say which key was given."""
        return int(self.value(statement, values))

    def many(self, statement: str, values: Iterable[Values]) -> None:
        known = self._statement(statement)
        answer(self._link.executemany(known.text, [known.arguments(one) for one in values]))

    def hold_epoch(self) -> None:
        self.value("SELECT value FROM meta WHERE name = 'epoch' FOR UPDATE")

    def forget(self) -> None:
        """Dead rows are vacuumed; the server's log of writes is its operator's."""

    def next_epoch(self) -> Epoch:
        moved = "UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value"
        self.moved = Epoch(self.value(moved))
        return self.moved

    def add_planned(self, batches: Sequence[Row]) -> Sequence[int]:
        return [row[0] for row in self.rows("batches.add_planned", columns(batches))]

    def record_new(self, scope: Mapping[str, Any], details: Details) -> int:
        """Together with those of other batches: a COPY costs most where it begins."""
        before = scope["message"], scope["channel"]
        ending = scope["state"], scope["reason"], scope["batch"], scope["attempt"], 1
        self._new += zip(
            *map(repeat, before), details, *map(repeat, ending), details.values(), strict=False
        )
        return len(details)

    def record_waiting(self, scope: Mapping[str, Any], details: Details) -> int:
        columns = {"subscribers": list(details), "details": list(details.values())}
        return self.run("members.record_waiting", {**scope, **columns})

    def tell(self, facts: Iterable[Fact]) -> None:
        """They are written at the very end, because everybody waits for their counter."""
        told = list(facts)
        self._facts += told
        self.waiting -= sum(fact.deliveries for fact in told if fact.terminal)

    def close(self) -> None:
        """The last of the work, before the commit."""
        self._write_new()
        if self._facts:
            told = [
                (f.at, f.message, f.channel, f.state, f.deliveries, f.subscriber, f.terminal)
                for f in self._facts
            ]
            self.run("batches.tell", columns(told))

    @override
    def _statement(self, name: str) -> Statement:
        """Whoever asks for members of a batch sees what was recorded of it before."""
        if name.startswith("members."):
            self._write_new()
        return super()._statement(name)

    def _write_new(self) -> None:
        rows, self._new = self._new, []
        if rows:
            answer(self._link.copy_records_to_table("delivery", columns=COLUMNS, records=rows))


def columns(rows: Sequence[Row]) -> list[list[Any]]:
    """Rows as arrays for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]


def _count(tag: str) -> int:
    """How many rows a command says that it wrote."""
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
