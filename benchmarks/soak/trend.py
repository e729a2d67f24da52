"""Whether what was sampled grows: a line by least squares, and how sure its slope is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

HOUR = 3_600.0
TEN_MINUTES = 600.0
SURE = 2.0
"""Standard errors of the slope: what is below is not told from noise."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Of samples of one kind, over seconds."""

    mean: float
    first: float
    last: float
    per_hour: float
    error_per_hour: float
    samples: int

    @property
    def share(self) -> float:
        """Of the mean, that it grows in ten minutes."""
        return self.per_hour * TEN_MINUTES / HOUR / self.mean if self.mean else 0.0

    @property
    def within_noise(self) -> bool:
        return self.per_hour <= SURE * self.error_per_hour

    def flat(self, share: float, least: float) -> bool:
        """Grows by no more than this share of the mean in ten minutes, or than `least` in an hour,
        or than can be told from noise."""
        return self.share <= share or self.per_hour <= least or self.within_noise


def trend(at: Sequence[float], values: Sequence[float]) -> Trend:
    """Of three samples or more."""
    slope, begin = linear_regression(at, values)
    off = math.fsum((v - begin - slope * t) ** 2 for t, v in zip(at, values, strict=True))
    middle = fmean(at)
    spread = math.fsum((t - middle) ** 2 for t in at)
    error = math.sqrt(off / (len(at) - 2) / spread)
    return Trend(
        fmean(values), values[0], values[-1], slope * HOUR, error * HOUR, samples=len(values)
    )
