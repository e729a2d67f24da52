"""`notefly verify`: what holds, how much was looked at, and where it does not hold."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from notefly.cli.failure import Failed, plainly
from notefly.cli.preparing import json_option, prepared

if TYPE_CHECKING:
    from notefly.domain.log import Looked, Proved, Violation

SHOWN = 20
"""Violations of one invariant that a person wants to read."""
PROGRESS_SECONDS = 0.1


@click.command()
@json_option
@click.option(
    "--store",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that is a store: a backup, for example.",
)
@plainly
def verify(*, as_json: bool, store: Path | None) -> None:
    """Prove the promise from the store: every invariant, and where one is broken.

    Reads the store as it stands; brokers may be running.
    """
    from notefly.bootstrap import prove

    settings = prepared(quiet=as_json)
    report = JsonReport() if as_json else Report()

    async def go() -> None:
        async for found in prove(settings, store):
            report.take(found)

    asyncio.run(go())
    report.end()
    if report.first is not None:
        raise Failed(f"violated: {report.first.invariant}: {report.first.words}")


@dataclass(slots=True)
class Report:
    """For people: a line for each invariant, and progress on a terminal."""

    started: float = field(default_factory=time.monotonic)
    first: "Violation | None" = None
    violations: int = 0
    totals: dict[str, int] = field(default_factory=dict)
    _part: str = ""
    _looked: int = 0
    _shown: int = 0
    _progress_at: float = 0.0

    def take(self, found: "Looked | Violation | Proved") -> None:
        """Whatever comes next."""
        from notefly.domain.log import Looked, Violation

        if isinstance(found, Looked):
            self.looked(found)
        elif isinstance(found, Violation):
            self.first = self.first or found
            self.violations += 1
            self.violated(found)
        else:
            for unit, count in found.looked.items():
                self.totals[unit] = max(count, self.totals.get(unit, 0))
            self.proved(found)

    def looked(self, found: "Looked") -> None:
        """What is being looked at, on a terminal only."""
        if found.part != self._part:
            self._part, self._looked = found.part, 0
        self._looked += found.count
        now = time.monotonic()
        if now - self._progress_at >= PROGRESS_SECONDS and sys.stderr.isatty():
            self._progress_at = now
            words = f"{found.part}: {self._looked:,} {found.unit}, {now - self.started:.0f} s"
            click.echo(f"\r\x1b[K{words}", nl=False, err=True)

    def violated(self, violation: "Violation") -> None:
        """The first ones of each invariant."""
        self._shown += 1
        if self._shown <= SHOWN:
            self._line(f"{click.style('✗', fg='red')} {violation.invariant:<3}: {violation.words}")

    def proved(self, proved: "Proved") -> None:
        """With N beside the zero."""
        from notefly.domain.promise import INVARIANTS

        if proved.holds:
            words = f"{INVARIANTS[proved.invariant]} ({_amounts(proved.looked)})"
            self._line(f"{click.style('✓', fg='green')} {proved.invariant:<3}  {words}")
        elif proved.violations > SHOWN:
            self._line(f"  {proved.invariant:<3}: and {proved.violations - SHOWN:,} more")
        self._shown = 0

    def end(self) -> None:
        """How much all of it was."""
        seconds = time.monotonic() - self.started
        found = f"{self.violations:,} violations" if self.violations else "no violation"
        self._line(f"{found} in {_amounts(self.totals)} ({seconds:.1f} s)")

    def _line(self, words: str) -> None:
        if self._progress_at:
            click.echo("\r\x1b[K", nl=False, err=True)
        click.echo(words)


class JsonReport(Report):
    """For scripts: a line for each violation, each invariant, and all of it."""

    @override
    def looked(self, found: "Looked") -> None:
        """Nobody watches."""

    @override
    def violated(self, violation: "Violation") -> None:
        _say({"holds": False, **asdict(violation)})

    @override
    def proved(self, proved: "Proved") -> None:
        """After its violations."""
        _say({"holds": proved.holds, **asdict(proved)})

    @override
    def end(self) -> None:
        """The last line."""
        _say(
            {
                "summary": True,
                "holds": self.first is None,
                "violations": self.violations,
                "looked": self.totals,
                "first": self.first and asdict(self.first),
                "seconds": round(time.monotonic() - self.started, 3),
            }
        )


def _say(words: dict[str, Any]) -> None:
    click.echo(json.dumps(words, ensure_ascii=False))


def _amounts(looked: dict[str, int] | Any) -> str:
    return ", ".join(f"{count:,} {unit}" for unit, count in looked.items())
