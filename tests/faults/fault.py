"""What a fault of the suite is: something done to the product again and again, and what is counted.

`python -m tests.faults` runs them; a fault is a module with a `FAULT`, listed in `suite.py`.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from tests.faults.checker import Finding


class Counts(Counter[str]):
    """How much was looked at: without it a zero says nothing."""

    @override
    def __str__(self) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in self.items())


@dataclass(slots=True)
class Tally:
    """What became of the rounds."""

    rounds: int = 0
    counts: Counts = field(default_factory=Counts)
    findings: list[Finding] = field(default_factory=list)
    """Empty: the promise held. Where the promise sets a bound, a broken bound is a finding."""
    waits: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until it went on, after each thing that was done."""
    measured: dict[str, str] = field(default_factory=dict)
    """Figures that are worth a line in the table: name → value with its unit and its bound."""


class Run(Protocol):
    """One campaign. Raises only what is wrong with the harness itself."""

    def __call__(self, root: Path, seed: int, rounds: int) -> Awaitable[Tally]:
        """In `root`, an empty folder that is kept when something is found."""
        ...


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often: in CI (all faults together within five minutes), in `make faults`, in a night."""

    ci: int
    short: int
    long: int


EMBEDDED, CLUSTER = "embedded", "cluster"
"""The groups of faults: one broker on its file, or many processes on servers."""


def anywhere() -> str:
    """For `needs`: it runs wherever the product does."""
    return ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table."""

    name: str
    """As on the command line: `power-cut`."""
    expected: str
    """What must come of it, in the words of the table."""
    rounds: Rounds
    run: Run
    needs: Callable[[], str] = anywhere
    """Empty, or why it cannot run on this machine."""
    group: str = EMBEDDED
    side_by_side: Callable[[int], Run] | None = None
    """The same with so many lives at a time, where one life needs little of a machine."""
