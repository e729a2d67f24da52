"""Planted bugs of storage; whoever loads this module's `plant` into a process has the bug."""

import os
from collections.abc import Callable
from typing import Any

import apsw

from notefly.adapters.sqlite.writer import Job, Writer
from tests.faults.steering import replace

SETTING = "PLANTED_IN_STORAGE"


def answered_after_a_failed_sync() -> None:
    """A commit that the disk failed counts as one that it took."""
    execute = Writer._execute

    def lenient(self: Writer, statement: str) -> None:
        try:
            execute(self, statement)
        except apsw.IOError:
            if statement != "COMMIT":
                raise

    replace(Writer, "_execute", lenient)


def accepted_by_a_full_disk() -> None:
    """What was undone for want of room is answered as if it stood."""
    undo = Writer._undo

    def forgetful(self: Writer, done: list[Job[Any]], error: apsw.Error) -> None:
        undo(self, done, error)
        for job in done:
            if job.result is not None:
                job.error = None

    replace(Writer, "_undo", forgetful)


BUGS: dict[str, Callable[[], None]] = {
    "answered-after-a-failed-sync": answered_after_a_failed_sync,
    "accepted-by-a-full-disk": accepted_by_a_full_disk,
}


def plant() -> None:
    """Called when a process of the product starts."""
    if name := os.environ.get(SETTING):
        BUGS[name]()
