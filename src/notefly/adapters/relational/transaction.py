"""What the rules ask of an engine."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from notefly.domain.ids import Epoch, SubscriberKey

Row = tuple[Any, ...]
Values = Sequence[Any] | Mapping[str, Any]
Details = Mapping[SubscriberKey, str | None]
"""A channel's words, by whom they are about."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fact:
    """What was recorded of a batch: so many in one state; `subscriber` when there is only one."""

    at: int
    message: int
    channel: int
    state: int
    deliveries: int
    subscriber: int | None
    terminal: bool


class Reading(Protocol):
    """Inside a read transaction: everything it answers is of one moment.

    A statement is called by its name, `subject.name`; its text is the engine's.
    """

    def rows(self, statement: str, values: Values = ()) -> list[Row]: ...

    def stream(self, statement: str, values: Values = ()) -> Iterable[Row]:
        """Rows one by one; for what may be long."""
        ...

    def each(self, statement: str, asked: Sequence[Row]) -> list[Row]:
        """The statement's row for each of those asked about, in their order."""
        ...

    def row(self, statement: str, values: Values = ()) -> Row | None:
        """The first row."""
        ...

    def value(self, statement: str, values: Values = ()) -> Any:
        """The first column of the first row, None without one."""
        ...

    def keys(self, keys: Sequence[int]) -> object:
        """Many integers as one value of a statement."""
        ...

    @property
    def epoch(self) -> Epoch:
        """The counter that every change of choices moves on."""
        ...

    @property
    def undone(self) -> int:
        """Moves on whenever what was learnt before may not be so: a transaction was undone, or
        another server may have taken the place of the one that was asked."""
        ...


class Transaction(Reading, Protocol):
    """The same inside a write transaction."""

    waiting: int
    """Deliveries that have not ended, and messages to plan; what is undone takes it back."""

    def run(self, statement: str, values: Values = ()) -> int:
        """Execute, and say how many rows it changed."""
        ...

    def insert(self, statement: str, values: Values = ()) -> int:
        """Execute, and say which key was given."""
        ...

    def many(self, statement: str, values: Iterable[Values]) -> None:
        """Execute once for each."""
        ...

    def hold_epoch(self) -> None:
        """From here to the commit nobody else changes choices, and nothing is accepted."""
        ...

    def forget(self) -> None:
        """What was deleted here must not be found in anything that the engine keeps besides."""
        ...

    def next_epoch(self) -> Epoch:
        """Move the epoch on, in this commit."""
        ...

    def add_planned(self, batches: Sequence[Row]) -> Sequence[int]:
        """Store (message, channel, first, last, size) for each: their keys, which rise."""
        ...

    def record_new(self, scope: Mapping[str, Any], details: Details) -> int:
        """Add a line of the log for each: how many. The `scope` says how they ended.

        A second one for a delivery is an error, here or at the end of the transaction.
        """
        ...

    def record_waiting(self, scope: Mapping[str, Any], details: Details) -> int:
        """The same in place of the lines that waited."""
        ...

    def tell(self, facts: Iterable[Fact]) -> None:
        """Append events and add up the tallies, in this commit."""
        ...


class Database(Protocol):
    """Where transactions come from."""

    async def write(self, work: Callable[[Transaction], T], *, urgent: bool = True) -> T:
        """Do it, and return once it is durable. Raises what `work` raises; then it left no trace.

        `work` may be called again if the engine undid it. Raises Unavailable when it cannot be done
        now; nothing of it was stored then.
        """
        ...

    async def read(self, work: Callable[[Reading], T]) -> T:
        """Do it inside one read transaction. Raises Unavailable when it cannot be done now."""
        ...

    async def end_standstills(self) -> None:
        """Whoever stands still in the midst of a write keeps no locks, where others can see it."""
        ...

    def watch(self) -> asyncio.Event:
        """An event that is set after every commit, until `unwatch`."""
        ...

    def unwatch(self, event: asyncio.Event) -> None: ...
