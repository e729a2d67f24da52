"""What came in and went out, from counts that are taken now and then."""

from datetime import UTC, datetime, timedelta

import pytest

from notefly.client.history import EVERY_SECONDS, SPAN, History
from notefly.client.queueing import duration, per_second

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Counted:
    """A history, and the clock that it looks at."""

    def __init__(self) -> None:
        self.now = START
        self.history = History(lambda: self.now)

    def add(self, after: float, *, waiting: int, ended: int) -> None:
        self.now += timedelta(seconds=after)
        stats = {"deliveries": {"by_state": {"delivered": ended - 1, "dead": 1}}}
        self.history.add({"items": [{"deliveries_open": waiting}, {"deliveries_open": 0}]}, stats)


def test_nothing_is_known_before_the_first_count() -> None:
    history = Counted().history
    assert history.since is None
    assert list(history.flows()) == []
    assert history.series() == [[], [], [], []]


def test_what_was_before_the_first_count_is_not_in_the_rates() -> None:
    counted = Counted()
    counted.add(0, waiting=7, ended=1_000)
    assert counted.history.since == START
    assert [(flow.came, flow.ended, flow.seconds) for flow in counted.history.flows()] == [
        (0, 0, 0.0)
    ] * 3
    counted.add(10, waiting=17, ended=1_005)
    first, *_ = counted.history.flows()
    assert (first.came, first.ended, first.seconds, first.whole) == (15, 5, 10.0, False)
    assert counted.history.series() == [
        [(START + timedelta(seconds=10)).timestamp()],
        [1.5],
        [0.5],
        [17],
    ]


def test_each_window_holds_its_own_time() -> None:
    counted = Counted()
    counted.add(0, waiting=0, ended=1)
    for _ in range(int(20 * 60 / EVERY_SECONDS)):
        counted.add(EVERY_SECONDS, waiting=0, ended=1 + int((counted.now - START).total_seconds()))
    minute, five, all_of_it = counted.history.flows()
    assert (minute.seconds, five.seconds, all_of_it.seconds) == (60, 300, SPAN.total_seconds())
    assert (minute.ended, five.ended, all_of_it.ended) == (60, 300, 900)
    assert minute.whole
    assert all_of_it.whole
    assert counted.history.since == counted.now - SPAN


def test_two_calls_are_not_one_moment_and_nothing_comes_in_backwards() -> None:
    counted = Counted()
    counted.add(0, waiting=10, ended=5)
    counted.add(5, waiting=4, ended=10)
    counted.add(5, waiting=0, ended=15)
    assert [flow.came for flow in counted.history.flows()] == [0, 0, 0]


def test_another_store_begins_anew() -> None:
    counted = Counted()
    counted.add(0, waiting=0, ended=500)
    counted.add(5, waiting=0, ended=3)
    assert counted.history.since == counted.now
    assert counted.history.series() == [[], [], [], []]


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
