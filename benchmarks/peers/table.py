"""One table of everybody, and the targets under it."""

from collections.abc import Iterable

from benchmarks.peers.results import Found, Verdict, verdicts

WIDTH = 134
HEAD = (
    f"{'':28}{'form':10}{'n':>2}{'A':>10}{'B':>10}{'cpu s per million':>20}{'memory':>9}"
    f"{'p99 small':>12}   {'killed at half-way'}\n"
    f"{'':40}{'per s':>10}{'per s':>10}{'A':>10}{'B':>10}{'MB':>9}{'behind, s':>12}   "
    f"{'of':>8}{'lost':>8}{'calls doubled':>15}{'rows doubled':>14}"
)


def table(found: Iterable[Found]) -> str:
    """Everybody, then the targets."""
    everybody = list(found)
    rows = [HEAD, "-" * WIDTH, *map(_row, everybody), "-" * WIDTH]
    return "\n".join([*rows, *map(_verdict, verdicts(everybody))])


def progress(one: Found, letter: str) -> str:
    """Said as the runs come in."""
    run = (one.a if letter == "A" else one.b)[-1]
    missing = f"; {run.missing:,} of them are not in the log" if run.missing else ""
    contender = one.contender
    return f"{contender.name}, {contender.form}: {letter} {run.per_second:,.0f}/s{missing}"


def _row(one: Found) -> str:
    name = f"{one.contender.name:28}{one.contender.form:10}"
    if not one.a:
        return f"{name}not run" + (f": {one.why_not}" if one.why_not else "")
    told = (
        f"{min(len(one.a), len(one.b)):>2}"
        f"{_number(one.a_per_second, 10)}{_number(one.b_per_second, 10)}"
        f"{_number(one.a_processor, 10)}{_number(one.b_processor, 10)}"
        f"{_number(one.peak_megabytes, 9)}{_behind(one):>12}   {_crash(one)}"
    )
    return f"{name}{told}" + (f"  ({one.why_not})" if one.why_not else "")


def _behind(one: Found) -> str:
    if one.behind is None:
        return "-"
    return f"{'> ' if one.behind.late else ''}{one.behind.p99_seconds:.3g}"


def _crash(one: Found) -> str:
    crash = one.crash
    if crash is None:
        return "-"
    rows = "no log" if one.contender.log == "none" else f"{crash.doubled_rows:,}"
    told = f"{crash.deliveries:>8,}{crash.lost:>8,}{crash.doubled_calls:>15,}{rows:>14}"
    if crash.interrupted is not None:
        return f"{told}  ({crash.interrupted:,} interrupted)"
    return f"{told}  (back: {one.contender.comes_back})" if crash.lost else told


def _verdict(one: Verdict) -> str:
    if one.value is None:
        return f"{one.what:60}{'not measured':>14}   target {one.target}"
    verdict = "met" if one.met else "MISSED"
    return f"{one.what:60}{_number(one.value, 0):>14}   target {one.target:24}{verdict}"


def _number(value: float | None, width: int) -> str:
    if value is None:
        return f"{'-':>{width}}"
    return (
        f"{value:>{width},.0f}" if value >= 100 or value == int(value) else f"{value:>{width}.3g}"
    )
