"""Whether what was sampled grows: the median of the slopes between any two samples.

Theil's and Sen's line. What grows does so between most pairs; a disk that stands still for a minute
moves few of them, where a line by least squares follows it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

HOUR = 3_600.0
TEN_MINUTES = 600.0
SURE = 1.96
"""Standard deviations of Kendall's statistic: 95 % of slopes that are chance lie within."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Of samples of one kind, over seconds."""

    median: float
    first: float
    last: float
    per_hour: float
    low_per_hour: float
    """Where the interval of 95 % about the slope begins."""
    high_per_hour: float
    samples: int

    @property
    def share(self) -> float:
        """Of the median, that it grows in ten minutes."""
        return self.per_hour * TEN_MINUTES / HOUR / self.median if self.median else 0.0

    @property
    def within_noise(self) -> bool:
        return self.low_per_hour <= 0

    def flat(self, share: float, least: float) -> bool:
        """Grows by no more than this share of the median in ten minutes, or than `least` in an
        hour, or than can be told from noise."""
        return self.share <= share or self.per_hour <= least or self.within_noise


def trend(at: Sequence[float], values: Sequence[float]) -> Trend:
    """Of three samples or more."""
    pairs = combinations(zip(at, values, strict=True), 2)
    slopes = sorted((after - before) / (later - t) for (t, before), (later, after) in pairs)
    count = len(at)
    chance = SURE * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - chance) / 2))
    return Trend(
        median(values),
        values[0],
        values[-1],
        median(slopes) * HOUR,
        slopes[low] * HOUR,
        slopes[-1 - low] * HOUR,
        count,
    )
