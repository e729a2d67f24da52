"""A figure: what was measured, against what, and whether the target was met."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal

Called = Literal["per hand-over", "not at all"]
CHANNEL_CALLED: Called = "per hand-over"
NO_CHANNEL_CALLED: Called = "not at all"


class NotRun(Exception):  # noqa: N818 - reads as what it says
    """A figure that could not be taken here; its text says why."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table; `n` is how many runs the median is of."""

    name: str
    value: float
    unit: str
    reference: float | None
    ratio: float | None
    target: str
    met: bool
    n: int
    channel_called: Called = NO_CHANNEL_CALLED
    note: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As it is written to JSON, every number with as many digits as mean something."""
        plain = asdict(self) | {"more": dict(self.more)}
        return {name: _rounded(value) for name, value in plain.items()}


def of_ratios(  # noqa: PLR0913 - a figure has that many sides
    name: str,
    unit: str,
    values: Sequence[float],
    references: Sequence[float],
    at_least: float,
    *,
    called: Called = NO_CHANNEL_CALLED,
    note: str = "",
    more: Mapping[str, Any] | None = None,
) -> Figure:
    """Medians of interleaved runs; the ratio is the median of the rounds' own ratios."""
    ratios = [value / reference for value, reference in zip(values, references, strict=True)]
    ratio = median(ratios)
    return Figure(
        name,
        median(values),
        unit,
        median(references),
        ratio,
        f">= {at_least:g} x",
        ratio >= at_least,
        len(values),
        called,
        note,
        {"rounds": [list(pair) for pair in zip(values, references, strict=True)], **(more or {})},
    )


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that is not less than this share of all."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: _rounded(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(member) for member in value]
    return value
