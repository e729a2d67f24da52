"""The product with a wall clock that can be set: `python -m tests.faults.clocks broker`.

CLOCK_FILE says by how many microseconds its clock is away from the machine's, which is left alone.
With PLANTED=1 what waits is left to the wall clock, as if nobody had thought of it.
"""

import mmap
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notefly.adapters.relational import batches
from notefly.adapters.sqlite.transaction import Transaction
from notefly.adapters.system import SystemClock
from notefly.application import engine
from notefly.bootstrap import surroundings
from notefly.domain.ids import BatchKey
from tests.faults.steering import replace

RECONCILE_SECONDS = 0.2
SIZE = 8


class Dial:
    """The file: one number, seen by everybody who has it open."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), SIZE)

    @property
    def micros(self) -> int:
        return int.from_bytes(self._memory[:], "little", signed=True)

    def turn(self, seconds: float) -> None:
        self._memory[:] = (self.micros + int(seconds * 1e6)).to_bytes(SIZE, "little", signed=True)


class ShiftedClock:
    """The machine's clock and something on top; monotonic time is nobody's to set."""

    monotonic = SystemClock.monotonic

    def __init__(self) -> None:
        self._dial = Dial(Path(os.environ["CLOCK_FILE"]))

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(microseconds=self._dial.micros)


def leave_alone(_transaction: Transaction, _back: int, _at: datetime) -> Sequence[BatchKey]:
    """The planted bug."""
    return []


if __name__ == "__main__":
    from notefly.cli import main

    replace(surroundings, "SystemClock", ShiftedClock)
    replace(engine, "RECONCILE_SECONDS", RECONCILE_SECONDS)
    replace(engine, "KEEP_SECONDS", RECONCILE_SECONDS)
    if os.environ.get("PLANTED") == "1":
        replace(batches, "bring_forward", leave_alone)
    main(sys.argv[1:], prog_name="notefly")
