"""What a run of the suite tells: a line for each fault, one table, one document."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any

from tests.faults.checker import Finding
from tests.faults.fault import Tally

SHOWN = 20


class State(StrEnum):
    """What became of a fault."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, done."""

    name: str
    expected: str
    seed: int
    state: State
    wanted: int = 0
    """Rounds that were asked for."""
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    why: str = ""
    """Why it did not run, or what broke the harness."""

    @property
    def line(self) -> str:
        """What is said as soon as it has ended; N beside every zero."""
        told = f"{self.name}: {self.state}"
        if self.why:
            told += f": {self.why}"
        if self.state is State.NOT_RUN:
            return told
        tally = self.tally
        parts = [f"{tally.rounds:,} of {self.wanted:,} rounds", *filter(None, [str(tally.counts)])]
        parts += [f"findings {_findings(tally.findings)}"]
        parts += [f"{name} {figure}" for name, figure in tally.measured.items()]
        return f"{told}: {'; '.join(parts)} ({self.seconds:.0f} s, seed {self.seed})"

    @property
    def details(self) -> list[str]:
        """What was found, as far as anybody reads it."""
        found = self.tally.findings
        told = [f"  {finding.kind}: {finding.detail}" for finding in found[:SHOWN]]
        return told + ([f"  and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])

    def document(self) -> dict[str, Any]:
        """For JSON; no path in it."""
        return {
            "fault": self.name,
            "expected": self.expected,
            "state": self.state.value,
            "why": self.why,
            "rounds": self.tally.rounds,
            "counts": dict(self.tally.counts),
            "findings": len(self.tally.findings),
            "kinds": dict(_kinds(self.tally.findings)),
            "measured": dict(self.tally.measured),
            "waits_seconds": {what: _told(waits) for what, waits in self.tally.waits.items()},
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
        }


def _told(waits: Sequence[float]) -> dict[str, Any]:
    """Each of them, so that whoever reads it later can count anew."""
    every = [round(wait, 2) for wait in sorted(waits)]
    return {"n": len(every), "median": round(median(every), 2), "max": every[-1], "every": every}


HEADING = ("fault", "expected", "rounds", "looked at", "findings", "measured", "s", "seed")


def table(rows: Sequence[Row]) -> list[str]:
    """One line a fault, in columns of Markdown, so that it can be kept as it is."""
    lines = [HEADING, tuple("---" for _ in HEADING), *map(_cells, rows)]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def closing(rows: Sequence[Row]) -> str:
    """In the manner of test runners."""
    states = Counter(row.state for row in rows)
    return ", ".join(f"{states[state]} {state}" for state in State)


def _cells(row: Row) -> tuple[str, ...]:
    tally = row.tally
    ran = row.state is not State.NOT_RUN
    measured = "; ".join(f"{name} {figure}" for name, figure in tally.measured.items())
    return (
        row.name,
        row.expected,
        f"{tally.rounds:,}",
        str(tally.counts) if ran else f"not run: {row.why}",
        _findings(tally.findings) if ran else "",
        measured,
        f"{row.seconds:.0f}",
        str(row.seed),
    )


def _findings(found: Sequence[Finding]) -> str:
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in _kinds(found).items())
    return f"{len(found):,}" + (f" ({kinds})" if kinds else "")


def _kinds(found: Sequence[Finding]) -> Counter[str]:
    return Counter(finding.kind.value for finding in found)
