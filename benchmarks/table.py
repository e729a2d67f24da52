"""The table, a line at a time as the figures come in."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from benchmarks.figures import Figure, NotRun

B = TypeVar("B")
"""What the scenarios of a run are given."""
WIDTH = 96


def heading(found: Mapping[str, Any]) -> list[str]:
    """Machine and commit."""
    machine = found["machine"]
    return [
        f"commit {found['commit']}",
        f"{machine['cores']} x {machine['processor']}, {machine['system']}",
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {found['generator']}",
        f"load before {machine['load_before'][0]:.1f}",
        "-" * WIDTH,
    ]


def measured(
    scenarios: Mapping[str, Callable[[B], list[Figure]]], bench: B, names: Iterable[str]
) -> tuple[list[Figure], dict[str, str]]:
    """Each told as it comes; and those that could not be measured here, with why."""
    figures, not_run = [], {}
    for name in names:
        try:
            for figure in scenarios[name](bench):
                print(line(figure), flush=True)
                figures.append(figure)
        except NotRun as why:
            not_run[name] = str(why)
            print(f"{name}: not run, {why}", flush=True)
    return figures, not_run


def line(figure: Figure) -> str:
    """What, how much, against what, and whether that is enough."""
    against = "" if figure.reference is None else f"  against {_number(figure.reference)}"
    ratio = "" if figure.ratio is None else f"  = {figure.ratio:.2f} x"
    verdict = "met" if figure.met else "MISSED"
    measured = f"{_number(figure.value)} {figure.unit}{against}{ratio}"
    told = [
        *textwrap.wrap(figure.name, WIDTH),
        f"    {measured}   target {figure.target}: {verdict}   (n = {figure.n})",
        f"    channel called: {figure.channel_called}"
        + (f"; {figure.note}" if figure.note else ""),
    ]
    return "\n".join(told)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
