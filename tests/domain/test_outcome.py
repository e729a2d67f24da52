"""What an answer of a channel leads to."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.domain.delivery import TERMINAL, MessageState, Reason, State, StateCode
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import (
    DETAIL_LIMIT,
    Delivered,
    Judgement,
    Outcomes,
    Refused,
    Retry,
    RetryPolicy,
    Verdict,
    clip,
    clipped,
    coarse,
)
from tests.support.time import NOON

POLICY = RetryPolicy(attempts=5, base=timedelta(seconds=2), cap=timedelta(minutes=10))
fractions = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 10_000), fractions)
def test_backoff_is_exponential_with_full_jitter(spent: int, jitter: float) -> None:
    delay = POLICY.delay(spent, jitter, None)
    ceiling = min(POLICY.cap, POLICY.base * 2 ** min(spent - 1, 30))
    assert timedelta(0) <= delay <= ceiling
    assert abs(delay - ceiling * jitter) < timedelta(milliseconds=1)


@given(st.integers(1, 20), fractions, st.floats(allow_nan=False))
def test_retry_after_is_honoured_within_a_day(spent: int, jitter: float, after: float) -> None:
    delay = POLICY.delay(spent, jitter, after)
    assert delay >= POLICY.delay(spent, jitter, None)
    assert delay >= timedelta(seconds=min(max(after, 0), 86_400))
    assert delay <= max(POLICY.cap, timedelta(days=1))


@given(st.floats(0, 86_400))
def test_who_waits_about_as_long_waits_together(seconds: float) -> None:
    assert seconds <= coarse(seconds) <= max(seconds + 1, seconds * 1.125)


def test_there_are_few_times_to_wait_for() -> None:
    assert len({coarse(seconds / 7) for seconds in range(7 * 86_400)}) < 120
    assert [coarse(seconds) for seconds in (0, 0.2, 1, 7, 8.5, 30, 3_600)] == [
        *(0, 1, 1, 7, 9, 30, 3_840)
    ]


def judge(spent: int = 1, expires_in: float | None = None, jitter: float = 0.5) -> Judgement:
    expires_at = None if expires_in is None else NOON + timedelta(seconds=expires_in)
    return Judgement(POLICY, spent, NOON, expires_at, jitter)


def test_what_ends_at_once() -> None:
    assert judge().verdict(Delivered("id 7")) == Verdict(State.DELIVERED, None, "id 7")
    assert judge().verdict(Delivered()) == Verdict(State.DELIVERED)
    assert judge().verdict(Refused("no")) == Verdict(State.DEAD, Reason.REFUSED, "no")


@pytest.mark.parametrize(("spent", "wait"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_what_is_tried_again(spent: int, wait: int) -> None:
    due = NOON + timedelta(seconds=wait)
    assert judge(spent).verdict(Retry("busy")) == Verdict(State.RETRYING, None, "busy", due)


@pytest.mark.parametrize("spent", [5, 6])
def test_the_budget_runs_out(spent: int) -> None:
    assert judge(spent).verdict(Retry("busy")) == Verdict(State.DEAD, Reason.EXHAUSTED, "busy")


def test_what_could_not_be_in_time_is_dead_now() -> None:
    assert judge(expires_in=1).verdict(Retry("x")).reason is Reason.EXPIRED
    assert judge(expires_in=1.1).verdict(Retry("x")).state is State.RETRYING
    assert judge(expires_in=59).verdict(Retry("x", after_seconds=60)).reason is Reason.EXPIRED


@given(st.text() | st.characters(categories=["Cs"]))
def test_words_of_a_channel_are_safe_to_keep(text: str) -> None:
    kept = clip(text * 3)
    assert kept is not None
    assert len(kept) <= DETAIL_LIMIT
    assert kept.encode().decode() == kept
    assert all(c.isprintable() or c == "\n" for c in kept)
    assert clip(kept) == kept


def test_nothing_stays_nothing() -> None:
    assert clip(None) is None
    assert Outcomes(Delivered()).exceptions == {}


def test_states() -> None:
    assert {state for state in State if state.terminal} == TERMINAL
    assert [StateCode(n).state for n in range(5)] == [
        State.PENDING,
        State.DELIVERED,
        State.RETRYING,
        State.DEAD,
        State.CANCELLED,
    ]
    cancelled = {reason for reason in Reason if reason.state is State.CANCELLED}
    assert cancelled == {Reason.UNSUBSCRIBED, Reason.STOPPED}
    assert {reason.state for reason in Reason} == {State.CANCELLED, State.DEAD}
    assert len(MessageState) == 3


def test_many_words_are_clipped_as_those_of_one() -> None:
    fine = {SubscriberKey(1): "id-1", SubscriberKey(2): None}
    assert clipped(fine) is fine
    for words in ("x" * 501, "a\0b"):
        said = fine | {SubscriberKey(3): words}
        assert clipped(said) == {key: clip(one) for key, one in said.items()}
