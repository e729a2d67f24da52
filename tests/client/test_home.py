"""/: the state of things, and what to do while there is none."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notefly.client.home import lately, lines
from notefly.client.navigation import GROUPS
from tests.broker.service import Broker
from tests.client.console import Console

NO_RATES: dict[str, Any] = {"by_channel": {}, "over_seconds": None}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[Console, Broker]]:
    """A console beside a store in which nothing happened."""
    broker = Broker(tmp_path / "data", mocks=True)
    console = Console(broker.url)
    yield console, broker
    assert console.stop() == 0
    broker.stop()


def test_an_empty_store_says_what_this_is_and_sends_the_demo(fresh: tuple[Console, Broker]) -> None:
    console, broker = fresh
    page = console.get("/")
    assert "Log mode: nothing leaves this machine." in page
    assert "Publish once." in page
    assert "6 subscribers are in this store" in page
    key = re.search('name="key" value="([^"]+)"', page)
    assert key is not None
    for _ in range(2):
        answer = console.post("/demo", {"key": key[1]})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert broker.get("/v1/stats")["messages"] == 3
    for message in broker.get("/v1/messages")["items"]:
        broker.done(message["id"])
    page = console.get("/")
    assert "Publish once." not in page
    for title in ("Goal!", "Rates unchanged", "Now showing"):
        assert f">{title}</a>" in page
    assert page.count('<span class="state done">') == 3


def test_a_part_for_scripts_is_the_figures_alone(console: Console, broker: Broker) -> None:
    broker.done(broker.publish(category="sports", body="Counted")["id"])
    part = console.get("/", headers={"HX-Request": "true"})
    assert "<html" not in part
    assert "Dead letters" in part
    assert ">Counted</a>" in part


def test_a_paused_channel_is_told(console: Console, broker: Broker) -> None:
    broker.call("POST", "/v1/channels/push/pause")
    assert '<span class="state paused">paused</span>' in console.get("/")
    broker.call("POST", "/v1/channels/push/resume")
    assert '<span class="state paused">' not in console.get("/")


@pytest.mark.parametrize(
    ("rate", "seconds", "said"),
    [
        (None, None, ""),
        (0.0, 60.0, "0"),
        (2.0, 3.0, "6"),
        (1_000.0, 60.0, "60,000"),
    ],
)
def test_what_came_in_the_last_minute_is_counted_not_foretold(
    rate: float | None, seconds: float | None, said: str
) -> None:
    assert lately(rate, seconds) == said


def test_a_channel_has_a_line_before_anything_was_sent_on_it() -> None:
    queue = [{"channel": "sms", "deliveries_open": 3, "retrying": 1, "paused": False}]
    (line,) = lines({"deliveries": {"by_channel": {}}, "rates": NO_RATES}, queue, {})
    assert (line.strip.total, line.strip.ended, line.open, line.retrying) == (3, 0, 3, 1)


def test_dead_is_what_still_is_whatever_was_replayed() -> None:
    queue = [{"channel": "sms", "deliveries_open": 0, "retrying": 0, "paused": False}]
    ended = {"by_channel": {"sms": {"delivered": 7, "dead": 3}}}
    (line,) = lines({"deliveries": ended, "rates": NO_RATES}, queue, {"sms": 1, "email": 2})
    assert line.counts == {"delivered": 7, "dead": 1}
    assert line.strip.words == "7 delivered, 1 dead"


def test_a_channel_says_what_ended_this_minute_by_state() -> None:
    queue = [{"channel": "sms", "deliveries_open": 0, "retrying": 0, "paused": False}]
    rates = {"sms": {"cancelled": 0.0, "dead": 0.5, "delivered": 50.0}}
    stats = {"deliveries": {"by_channel": {}}, "rates": {"by_channel": rates, "over_seconds": 60.0}}
    (line,) = lines(stats, queue, {})
    assert line.lately is not None
    assert list(line.lately.items()) == [("delivered", "3,000"), ("dead", "30")]


def test_every_page_has_a_key_of_its_own_and_knows_what_belongs_to_it() -> None:
    entries = [entry for group in GROUPS for entry in group]
    assert len({entry.key for entry in entries}) == len(entries)

    def current(path: str) -> list[str]:
        return [entry.address for entry in entries if entry.holds(path)]

    assert current("/") == ["/"]
    assert (
        current("/messages/1") == current("/deliveries/1") == current("/activity") == ["/activity"]
    )
    assert current("/subscribers/ada") == ["/subscribers"]
    assert current("/sub") == ["/sub"]
    assert current("/nowhere") == []
