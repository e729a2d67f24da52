"""What a channel answers, and what Notefly makes of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, assert_never

from notefly.domain.delivery import Reason, State
from notefly.domain.ids import SubscriberKey

LONGEST_SECONDS = 86_400.0
"""Nobody is made to wait longer by a provider."""
DETAIL_LIMIT = 500
"""Characters of a channel's own words that are kept with a delivery."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel accepted it. `detail` may be the provider's own id."""

    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now: time-out, broken connection, 408/425/429/5xx; `after_seconds`: its Retry-After."""

    detail: str
    after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not ever: trying again would be answered the same."""

    detail: str


Outcome = Delivered | Retry | Refused


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One answer for everybody in the hand-over, and the exceptions by subscriber."""

    default: Outcome
    exceptions: Mapping[SubscriberKey, Outcome] = field(default_factory=dict)

    def anybody_taken(self, size: int) -> bool:
        """Whether one of so many was delivered or refused: then somebody listens there."""
        answers = [*self.exceptions.values()]
        if len(answers) < size:
            answers.append(self.default)
        return any(not isinstance(answer, Retry) for answer in answers)


def as_outcomes(answer: object) -> Outcomes:
    """What a channel returned, if it is an answer. Raises TypeError."""
    if not isinstance(answer, Outcomes):
        raise TypeError(f"send must return Outcomes, not {type(answer).__name__}")
    if not isinstance(answer.exceptions, Mapping):
        raise TypeError(f"exceptions must be a mapping, not {type(answer.exceptions).__name__}")
    return answer


class Verdict(NamedTuple):
    """What is recorded for an outcome: terminal with a reason, or `retrying` until `due_at`."""

    state: State
    reason: Reason | None = None
    detail: str | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter from `base` up to `cap`, for `attempts` tries.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), "full jitter".
    """

    attempts: int = 8
    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=10)

    def delay(self, spent: int, jitter: float, after_seconds: float | None) -> timedelta:
        """How long to wait after the `spent`-th try; `jitter` is uniform in [0, 1)."""
        ceiling = min(self.cap, self.base * (1 << min(spent - 1, 20)))
        asked = coarse(min(max(after_seconds or 0.0, 0.0), LONGEST_SECONDS))
        return max(ceiling * jitter, timedelta(seconds=min(asked, LONGEST_SECONDS)))


def coarse(seconds: float) -> float:
    """Not less, and at most an eighth more, or a second: who waits about as long waits together.

    Otherwise a thousand people with a `Retry-After` of their own would become a thousand batches.
    """
    _, octave = math.frexp(seconds)
    step = max(1.0, 2.0 ** (octave - 4))
    return math.ceil(seconds / step) * step


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything that decides what an outcome leads to, apart from the outcome."""

    policy: RetryPolicy
    spent: int
    now: datetime
    expires_at: datetime | None
    jitter: float

    def verdict(self, outcome: Outcome) -> Verdict:
        """The rule of the promise: retried until attempts or `expires_at` run out, else dead."""
        match outcome:
            case Delivered(detail):
                return Verdict(State.DELIVERED, None, clip(detail))
            case Refused(detail):
                return Verdict(State.DEAD, Reason.REFUSED, clip(detail))
            case Retry(detail, after):
                return self._later(clip(detail), after)
            case _:
                assert_never(outcome)

    def _later(self, detail: str | None, after_seconds: float | None) -> Verdict:
        if self.spent >= self.policy.attempts:
            return Verdict(State.DEAD, Reason.EXHAUSTED, detail)
        due = self.now + self.policy.delay(self.spent, self.jitter, after_seconds)
        if self.expires_at is not None and due >= self.expires_at:
            return Verdict(State.DEAD, Reason.EXPIRED, detail)
        return Verdict(State.RETRYING, None, detail, due)


def clipped(details: Mapping[SubscriberKey, str | None]) -> Mapping[SubscriberKey, str | None]:
    """`clip` of many; mostly there is nothing to do, which is seen at once."""
    words = [detail for detail in details.values() if detail is not None]
    if not words or (max(map(len, words)) <= DETAIL_LIMIT and "".join(words).isprintable()):
        return details
    return {subscriber: clip(detail) for subscriber, detail in details.items()}


def clip(detail: str | None) -> str | None:
    """A channel's words, made safe to keep: bounded, and free of what is not text."""
    if detail is None or (detail.isprintable() and len(detail) <= DETAIL_LIMIT):
        return detail
    text = detail[:DETAIL_LIMIT].encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
