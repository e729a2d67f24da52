"""A process that migrates, with other migrations than the product's, and dies where it is told.

`python -m tests.faults.migration_steps FOLDER notefly-command…`; MIGRATION_DIES says where:
`statement:7` before the seventh statement (there is always one before the commit), `step:300` after
so many hundred steps of SQLite's machine. MIGRATION_STEPS names a file for how many there are.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import apsw

from notefly.adapters.sqlite import connection as connecting
from notefly.cli import main

STEPS_EACH = 100
DIES, STEPS = "MIGRATION_DIES", "MIGRATION_STEPS"
SMALL_CACHE = 20
"""Pages: what a large migration writes before its commit is in the WAL, as with a large store."""


class Steps:
    """Counts, and dies."""

    def __init__(self) -> None:
        self.seen = {"statement": 0, "step": 0}
        self._kind, _, at = os.environ.get(DIES, "none:0").partition(":")
        self._at = int(at)

    def statement(self, *_: Any) -> bool:
        self._count("statement")
        return True

    def step(self) -> bool:
        self._count("step")
        return False

    def _count(self, kind: str) -> None:
        self.seen[kind] += 1
        if kind == self._kind and self.seen[kind] == self._at:
            os.kill(os.getpid(), signal.SIGKILL)


def watched(connection: apsw.Connection) -> None:
    """The product's own migration, step by step."""
    steps = Steps()
    connection.execute(f"PRAGMA cache_size = {SMALL_CACHE}").fetchall()
    connection.exec_trace = steps.statement
    connection.set_progress_handler(steps.step, STEPS_EACH)
    if os.environ.get(PLANTED):
        without_transactions(connection)
    else:
        MIGRATE(connection)
    connection.exec_trace = None
    connection.set_progress_handler(None)
    if target := os.environ.get(STEPS):
        Path(target).write_text(f"{steps.seen['statement']} {steps.seen['step']}")


def without_transactions(connection: apsw.Connection) -> None:
    """A planted bug: every statement is its own commit."""
    scripts = connecting.migrations()
    version = connecting.refuse_newer(connection, scripts)
    for number, script in scripts.items():
        if number > version:
            connection.execute(script).fetchall()
            connection.execute(f"PRAGMA user_version = {number}").fetchall()


MIGRATE = connecting.migrate
PLANTED = "MIGRATION_PLANTED"

if __name__ == "__main__":
    connecting.MIGRATIONS = Path(sys.argv[1])
    setattr(connecting, "migrate", watched)  # noqa: B010 - it has a parameter less
    if sys.argv[2] == "migrate":
        connecting.open_writer(sys.argv[3]).close()
    else:
        main(sys.argv[2:], prog_name="notefly")
