"""How a channel is made to misbehave on purpose."""

from collections.abc import Iterator
from dataclasses import dataclass

from notefly.domain.errors import Problem

LONGEST_LATENCY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Dials:
    """Of one channel, all at rest unless turned. Rates are shares, 0 to 1."""

    failure_rate: float = 0.0
    """Of the people handed over: told to wait, and tried again."""
    refusal_rate: float = 0.0
    """Of the people handed over: refused for good, a dead letter at once."""
    timeout_rate: float = 0.0
    """Of the calls: no answer in time for anybody in them."""
    latency_seconds: float = 0.0
    """Before every answer."""

    def problems(self) -> Iterator[Problem]:
        """What is wrong with them, each at its own name."""
        for name in ("failure_rate", "refusal_rate", "timeout_rate"):
            if not 0 <= getattr(self, name) <= 1:
                yield Problem(f"/{name}", "must be 0 to 1")
        if not 0 <= self.latency_seconds <= LONGEST_LATENCY_SECONDS:
            yield Problem("/latency_seconds", f"must be 0 to {LONGEST_LATENCY_SECONDS:g}")
        if self.failure_rate + self.refusal_rate > 1:
            yield Problem("/refusal_rate", "together with failure_rate it must be at most 1")


AT_REST = Dials()
