"""The table, a line at a time as the figures come in."""

import textwrap
from collections.abc import Mapping
from typing import Any

from benchmarks.figures import Figure

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
