"""/chaos without scripts: turned on by a form, told on every page, turned off again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.service import Broker
from tests.client.console import Console

OWN = {"Sec-Fetch-Site": "same-origin"}
BANNER = "Chaos is on:"


@pytest.fixture
def calm(broker: Broker) -> Iterator[Broker]:
    """The broker that others use too: calm again after the test."""
    yield broker
    broker.call("PUT", "/v1/chaos", json={"channels": {}})


def turn(console: Console, status: int = 303, **dials: str) -> str:
    written = {name.replace("__", "."): value for name, value in dials.items()}
    answer = console.post("/chaos", written, headers=OWN)
    assert answer.status_code == status
    return answer.text


def value(page: str, dial: str) -> str:
    found = re.search(rf'<input type="range" id="{dial}" [^>]*value="([^"]*)"', page)
    assert found is not None
    return found[1]


def test_off_by_default(console: Console) -> None:
    page = console.get("/chaos")
    assert BANNER not in page
    assert "Turn on</button>" in page
    assert "Turn everything off" not in page
    assert page.count('type="range"') == 12
    assert value(page, "sms.failure_rate") == "0"


def test_on_for_some_and_off_again(console: Console, calm: Broker) -> None:
    turn(console, sms__failure_rate="35", sms__latency_seconds="1.5", push__refusal_rate="100")
    told = calm.get("/v1/chaos")["channels"]
    assert told["sms"] == {
        "failure_rate": 0.35,
        "refusal_rate": 0,
        "timeout_rate": 0,
        "latency_seconds": 1.5,
    }
    assert (told["push"]["refusal_rate"], told["email"]["refusal_rate"]) == (1, 0)
    page = console.get("/chaos")
    assert value(page, "sms.failure_rate") == "35"
    assert "1.5 s</output>" in page
    assert "SMS and Push misbehave on purpose." in console.get("/pub")
    part = console.get("/activity", headers={"HX-Request": "true"})
    assert BANNER not in part
    alone = console.get("/chaos/banner", headers={"HX-Request": "true"})
    assert alone.startswith('<p class="notice warning">')
    assert 'href="/chaos"' in alone
    assert 'href="/chaos"' not in console.get("/chaos/banner?here")
    turn(console, stop="1", sms__failure_rate="35")
    assert console.get("/chaos/banner") == ""
    assert calm.get("/v1/chaos")["on"] is False
    assert BANNER not in console.get("/pub")


def test_what_cannot_be_is_said_and_what_was_written_is_kept(
    console: Console, calm: Broker
) -> None:
    page = turn(console, 422, sms__failure_rate="60", sms__refusal_rate="60", push__x="1")
    assert "at most 1" in page
    assert value(page, "sms.refusal_rate") == "60"
    turn(console, sms__failure_rate="nonsense")
    assert calm.get("/v1/chaos")["on"] is False


def test_another_site_cannot_turn_it_on(console: Console, calm: Broker) -> None:
    answer = console.post(
        "/chaos", {"sms.failure_rate": "100"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert calm.get("/v1/chaos")["on"] is False


def test_not_beside_a_channel_that_may_really_send(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "data", channels=["sms", "parrot"])
    console = Console(broker.url)
    page = console.get("/chaos")
    assert "chaos is for log mode only, and parrot may really send" in page
    assert "<form" not in page.split("<dialog")[0]
    assert "chaos is for log mode only" in turn(console, 409, sms__failure_rate="50")
    assert console.stop() == 0
    broker.stop()


def test_without_a_broker_there_is_no_banner_and_no_trouble(deserted: Console) -> None:
    assert BANNER not in deserted.get("/chaos", 503)
    assert BANNER not in deserted.get("/nowhere", 404)
