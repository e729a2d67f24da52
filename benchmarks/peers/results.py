"""What was found of one contender, and what it comes to."""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks.peers.contender import Contender
from benchmarks.peers.scenarios import Behind, Crash, Speed

MILLION = 1_000_000


@dataclass(slots=True)
class Found:
    """Filled as the rounds go by; `why_not` says what kept it from being measured."""

    contender: Contender
    a: list[Speed] = field(default_factory=list)
    b: list[Speed] = field(default_factory=list)
    behind: Behind | None = None
    crash: Crash | None = None
    why_not: str = ""

    @property
    def a_per_second(self) -> float | None:
        return median(run.per_second for run in self.a) if self.a else None

    @property
    def b_per_second(self) -> float | None:
        return median(run.per_second for run in self.b) if self.b else None

    @property
    def a_processor(self) -> float | None:
        """Processor seconds for a million deliveries of a broadcast."""
        return _processor(self.a)

    @property
    def b_processor(self) -> float | None:
        """The same for small messages."""
        return _processor(self.b)

    @property
    def peak_megabytes(self) -> float | None:
        runs = [*self.a, *self.b]
        return max(run.peak_bytes for run in runs) / MILLION if runs else None

    def document(self) -> dict[str, Any]:
        """As it is written to JSON."""
        contender = self.contender
        return {
            "name": contender.name,
            "form": contender.form,
            "a_deliveries_per_second": self.a_per_second,
            "b_deliveries_per_second": self.b_per_second,
            "a_processor_seconds_per_million": self.a_processor,
            "b_processor_seconds_per_million": self.b_processor,
            "peak_megabytes": self.peak_megabytes,
            "behind": asdict(self.behind) if self.behind else None,
            "crash": asdict(self.crash) if self.crash else None,
            "a": [asdict(run) for run in self.a],
            "b": [asdict(run) for run in self.b],
            "not_run": self.why_not or None,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, and whether it was met; `value` is None where its sides were not measured."""

    what: str
    target: str
    value: float | None
    met: bool


def verdicts(found: list[Found]) -> list[Verdict]:
    """All that was promised, missed or not."""
    by_form = {one.contender.form: one for one in found if one.contender.name == "Notefly"}
    called, alike = by_form.get("called"), by_form.get("set-based")
    wanted = []
    for letter, each_at_least in (("a", 50), ("b", 10)):
        own = _speed(called, letter) if called else None
        for form, at_least in (("each", each_at_least), ("batched", 1.5)):
            what = f"{letter.upper()}: sender called / best peer, {FORMS[form]}"
            wanted.append(_ratio(what, own, _best(found, form, letter), at_least))
    own = alike.a_per_second if alike else None
    what = f"A: set-based / best peer, {FORMS['each']}"
    wanted.append(_ratio(what, own, _best(found, "each", "a"), 200))
    return [*wanted, *_crashes(called)]


FORMS = {"each": "a task for each delivery", "batched": "a task for many"}


def _crashes(called: Found | None) -> list[Verdict]:
    crash = called.crash if called else None
    if crash is None:
        return [Verdict("crash: lost", "0", None, met=False)]
    interrupted = crash.interrupted or 0
    return [
        Verdict("crash: lost", "0", crash.lost, crash.lost == 0),
        Verdict(
            "crash: calls doubled",
            f"<= {interrupted:,} interrupted",
            crash.doubled_calls,
            crash.doubled_calls <= interrupted,
        ),
    ]


def _ratio(what: str, own: float | None, best: float | None, at_least: float) -> Verdict:
    value = own / best if own and best else None
    return Verdict(what, f">= {at_least:g} x", value, value is not None and value >= at_least)


def _best(found: list[Found], form: str, letter: str) -> float | None:
    """Of those that keep a log: without one it is not the same work."""
    speeds = [
        speed
        for one in found
        if one.contender.form == form and one.contender.log != "none"
        if (speed := _speed(one, letter)) is not None
    ]
    return max(speeds, default=None)


def _speed(one: Found, letter: str) -> float | None:
    return one.a_per_second if letter == "a" else one.b_per_second


def _processor(runs: list[Speed]) -> float | None:
    told = [run.processor_seconds / run.deliveries * MILLION for run in runs if run.deliveries]
    return median(told) if told else None
