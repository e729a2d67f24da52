"""The product, killed at a named point: `python -m tests.faults.points POINT N broker`.

The point is found from outside when the process starts; as it is reached the N-th time, the process
kills its own group.
"""

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import apsw
from typing_extensions import override

from notefly.adapters.channels.process import ChildProcess
from notefly.adapters.relational.transaction import Values
from notefly.adapters.sqlite import connection, wal, writer
from notefly.adapters.sqlite.transaction import Transaction
from notefly.domain.outcome import Outcomes
from notefly.ports.channel import HandOver
from tests.faults.steering import die, replace

CHECKPOINT_PAGES = 100
"""So that there are checkpoints in a short life."""
BASE_VFS = "unix"
SETTLE = {"batches.settle", "alike.settle"}
PLANNED_SO_FAR = "batches.planned_so_far"
Reached = Callable[[], None]


def before_commit(reached: Reached) -> None:
    """Everything of the transaction is written, nothing is promised."""
    commit = writer.Writer._commit

    def commit_late(self: writer.Writer, done: list[writer.Job[Any]], started: float) -> None:
        reached()
        commit(self, done, started)

    replace(writer.Writer, "_commit", commit_late)


def after_commit(reached: Reached) -> None:
    """It is durable, and nobody was told."""
    commit = writer.Writer._commit

    def commit_first(self: writer.Writer, done: list[writer.Job[Any]], started: float) -> None:
        commit(self, done, started)
        reached()

    replace(writer.Writer, "_commit", commit_first)


def after_answer(reached: Reached) -> None:
    """The channel has accepted it, and the store does not know yet."""
    ask = ChildProcess.ask

    async def ask_first(
        self: ChildProcess, hand_overs: Sequence[HandOver], begin_within: float
    ) -> AsyncIterator[Outcomes]:
        async for outcomes in ask(self, hand_overs, begin_within):
            reached()
            yield outcomes

    replace(ChildProcess, "ask", ask_first)


def mid_plan(reached: Reached) -> None:
    """Batches are there, and how far planning has come is not."""
    many = Transaction.many

    def many_late(self: Transaction, statement: str, values: Sequence[Values]) -> None:
        if statement == PLANNED_SO_FAR:
            reached()
        many(self, statement, values)

    replace(Transaction, "many", many_late)


def mid_record(reached: Reached) -> None:
    """Rows are written, and their batch does not count them."""
    run = Transaction.run

    def run_late(self: Transaction, statement: str, values: Values = ()) -> int:
        if statement in SETTLE:
            reached()
        return run(self, statement, values)

    replace(Transaction, "run", run_late)


def mid_checkpoint(reached: Reached) -> None:
    """Some pages of the log have gone to the file, and some have not."""
    checkpoint = wal.Wal.checkpoint
    busy: list[bool] = []

    class Pages(apsw.VFSFile):
        main = False

        @override
        def xWrite(self, data: bytes, offset: int) -> None:
            super().xWrite(data, offset)
            if busy and self.main:
                reached()

    class Watching(apsw.VFS):
        @override
        def xOpen(self, name: Any, flags: list[int]) -> Pages:
            file = Pages(BASE_VFS, name, flags)
            file.main = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)
            return file

    def checkpoint_watched(self: wal.Wal, *mode: int) -> bool:
        busy.append(True)
        done = checkpoint(self, *mode)
        busy.clear()
        return done

    KEPT.append(Watching("watching", BASE_VFS, makedefault=True))
    replace(wal.Wal, "checkpoint", checkpoint_watched)
    replace(wal, "CHECKPOINT_PAGES", CHECKPOINT_PAGES)


def mid_migration(reached: Reached) -> None:
    """The new tables are there, and the version that says so is not."""
    one = connection._one

    def one_late(database: apsw.Connection, statement: str) -> object:
        if statement.startswith("PRAGMA user_version ="):
            reached()
        return one(database, statement)

    replace(connection, "_one", one_late)


KEPT: list[apsw.VFS] = []
"""SQLite knows a VFS only as long as Python does."""
POINTS: dict[str, tuple[Callable[[Reached], None], int]] = {
    "before-commit": (before_commit, 60),
    "after-commit": (after_commit, 60),
    "after-answer": (after_answer, 20),
    "mid-plan": (mid_plan, 20),
    "mid-record": (mid_record, 40),
    "mid-checkpoint": (mid_checkpoint, 60),
    "mid-migration": (mid_migration, len(connection.migrations())),
}
"""How to find it, and how often it comes by in a second of load, roughly."""


def countdown(number: int) -> Reached:
    """Dies when it is called for the N-th time."""
    left = number

    def reached() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            die()

    return reached


if __name__ == "__main__":
    from notefly.cli import main

    POINTS[sys.argv[1]][0](countdown(int(sys.argv[2])))
    main(sys.argv[3:], prog_name="notefly")
