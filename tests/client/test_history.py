"""What came in and went out, from counts that are taken now and then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notefly.client.history import EVERY_SECONDS, SPAN, History
from notefly.client.queueing import duration, per_second

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Counts:
    """As the broker tells them."""

    def __init__(self) -> None:
        self.now = START
        self.told: list[dict[str, Any]] = []

    def add(self, after: float, *, came: int, ended: int, waiting: int = 0) -> None:
        self.now += timedelta(seconds=after)
        counted = {"at": self.now.isoformat(), "came": came, "ended": ended, "waiting": waiting}
        self.told.append(counted)

    @property
    def history(self) -> History:
        return History(self.told)


def test_nothing_is_known_before_the_first_count() -> None:
    history = Counts().history
    assert history.since is None
    assert list(history.flows()) == []
    assert history.series() == [[], [], [], []]


def test_what_was_before_the_first_count_is_not_in_the_rates() -> None:
    counts = Counts()
    counts.add(0, came=1_007, ended=1_000, waiting=7)
    assert counts.history.since == START
    assert [(flow.came, flow.ended, flow.seconds) for flow in counts.history.flows()] == [
        (0, 0, 0.0)
    ] * 3
    counts.add(10, came=1_022, ended=1_005, waiting=17)
    first, *_ = counts.history.flows()
    assert (first.came, first.ended, first.seconds, first.whole) == (15, 5, 10.0, False)
    assert counts.history.series() == [
        [START.timestamp(), START.timestamp() + 10],
        [1.5, 1.5],
        [0.5, 0.5],
        [7, 17],
    ]


def test_each_window_holds_its_own_time() -> None:
    counts = Counts()
    for number in range(int(SPAN.total_seconds() / EVERY_SECONDS) + 1):
        ended = int(number * EVERY_SECONDS)
        counts.add(EVERY_SECONDS if number else 0, came=ended, ended=ended)
    minute, five, all_of_it = counts.history.flows()
    assert (minute.seconds, five.seconds, all_of_it.seconds) == (60, 300, SPAN.total_seconds())
    assert (minute.ended, five.ended, all_of_it.ended) == (60, 300, 900)
    assert minute.whole
    assert all_of_it.whole


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.6, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_725, "1 h 2 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "seconds", "said"),
    [
        (0, 0.0, "-"),
        (0, 60.0, "0"),
        (7, 60.0, "0.12"),
        (65, 10.0, "6.5"),
        (123_456, 10.0, "12,346"),
    ],
)
def test_rates_have_two_figures(count: int, seconds: float, said: str) -> None:
    assert per_second(count, seconds) == said
