"""What a job of the writer may use."""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import apsw

from notefly.domain.ids import Epoch

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]
START = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Reading:
    """A connection inside a read transaction: everything it answers is of one moment."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def stream(self, sql: str, values: Values = ()) -> Iterable[Row]:
        """Rows one by one; for what may be long."""
        return self._connection.execute(sql, values)

    def row(self, sql: str, values: Values = ()) -> Row | None:
        """The first row."""
        return self._connection.execute(sql, values).fetchone()

    def value(self, sql: str, values: Values = ()) -> Any:
        """The first column of the first row, None without one."""
        row = self._connection.execute(sql, values).fetchone()
        return None if row is None else row[0]

    @property
    def epoch(self) -> Epoch:
        """The counter that every change of choices moves on."""
        return Epoch(self.value("SELECT value FROM meta WHERE name = 'epoch'"))


class Transaction(Reading):
    """The same inside a write transaction; each job stands in a savepoint of its own."""

    waiting = 0
    """Deliveries that have not ended, and messages to plan; what is undone takes it back."""
    undone = 0
    """How many transactions were rolled back whole; what was learnt in one may be untrue."""
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

    def run(self, sql: str, values: Values = ()) -> int:
        """Execute, and say how many rows it changed."""
        for _ in self._connection.execute(sql, values):
            pass
        return self._connection.changes()

    def insert(self, sql: str, values: Values = ()) -> int:
        """Execute, and say which rowid was given."""
        for _ in self._connection.execute(sql, values):
            pass
        return self._connection.last_insert_rowid()

    def many(self, sql: str, values: Iterable[Values]) -> None:
        for _ in self._connection.executemany(sql, values):
            pass

    def next_epoch(self) -> Epoch:
        """Move the epoch on, in this commit."""
        self._moved = True
        return Epoch(
            self.value("UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value")
        )


def keys_of(keys: Sequence[int]) -> object:
    """An array for `carray(?)`, which SQLite reads without a call into Python for each.

    An empty one would be refused; no key is 0.
    """
    return apsw.carray(array("q", keys or (0,)))


def micros(moment: datetime) -> int:
    """Microseconds since 1970: exact, and half the bytes of a text."""
    return (moment - START) // MICROSECOND


def moment(micros: int) -> datetime:
    """The aware UTC time behind it."""
    return START + timedelta(microseconds=micros)


def maybe_micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def maybe_moment(value: int | None) -> datetime | None:
    return None if value is None else moment(value)
