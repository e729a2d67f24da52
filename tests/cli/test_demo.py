"""`notefly demo`: six messages, one failure on purpose, three next steps."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from notefly.cli import main
from notefly.domain.access import Scope
from tests.broker.holders import key_for
from tests.broker.service import Broker
from tests.cli.conftest import Notefly


def told(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def shown(broker: Broker, *words: str, **settings: str) -> str:
    environ = {f"NOTEFLY_{name.upper()}": value for name, value in settings.items()}
    result = CliRunner().invoke(
        main, ["demo", *words], env={"NOTEFLY_BROKER_URL": broker.url} | environ
    )
    return told(result)


@pytest.fixture
def plug_in(tmp_path: Path) -> Iterator[Broker]:
    """A broker without anybody, where one channel may really send."""
    broker = Broker(tmp_path / "data", channels=["sms", "email", "parrot"], categories=["cats"])
    yield broker
    broker.stop()


def test_it_shows_who_got_what_and_one_failure(notefly: Notefly, broker: Broker) -> None:
    said = told(notefly("demo"))
    assert re.search(r"\+0\.\d{3} s  ✓ delivered  email   femi", said)
    assert "sms refuses everybody for a moment, on purpose:" in said
    assert re.search(r"✗ dead +sms +ben +chaos: ", said)
    rows = [line.split() for line in said.splitlines()]
    assert ["category", "message", "delivered", "dead"] in rows
    assert ["sports", "Final", "whistle", "4", "2"] in rows
    assert broker.get("/v1/chaos")["on"] is False
    steps = re.findall(r"^  (\d)\. (.*)$", said, re.MULTILINE)
    assert [number for number, _ in steps] == ["1", "2", "3"]
    dead = steps[0][1].removeprefix("notefly show ")
    assert broker.get(f"/v1/deliveries/{dead}")["state"] == "dead"
    assert "Nothing left this machine" in said


def test_scripts_get_six_objects(notefly: Notefly) -> None:
    lines = [json.loads(line) for line in told(notefly("demo", "--json")).splitlines()]
    assert [one["message"]["category"] for one in lines] == ["finance", "movies", "sports"] * 2
    assert [len(one["deliveries"]) for one in lines] == [4, 6, 6] * 2
    assert [one["message"]["deliveries"]["by_state"]["dead"] for one in lines] == [0] * 5 + [2]


def test_dials_that_somebody_turned_are_left_as_they_were(notefly: Notefly, broker: Broker) -> None:
    turned = {"channels": {"push": {"latency_seconds": 0.01}}}
    broker.call("PUT", "/v1/chaos", json=turned)
    told(notefly("demo", "--json"))
    dials = broker.get("/v1/chaos")["channels"]
    assert (dials["push"]["latency_seconds"], dials["sms"]["refusal_rate"]) == (0.01, 0)
    broker.call("PUT", "/v1/chaos", json={"channels": {}})


def test_where_nobody_is_people_are_added_and_nothing_real_is_spoiled(plug_in: Broker) -> None:
    said = shown(plug_in)
    assert "6 people were added" in said
    assert "News in cats" in said
    assert "nothing fails on purpose here: chaos is for log mode only" in said
    assert "Nothing left this machine" not in said
    assert "notefly publish" in said
    assert "people were added" not in shown(plug_in)
    people = plug_in.get("/v1/subscribers")["items"]
    assert all(one["mock"] and one["categories"] == ["cats"] for one in people)


def test_with_a_key_that_may_not_spoil_it_goes_on_without(tmp_path: Path) -> None:
    data = tmp_path / "data"
    broker = Broker(data, require_keys=True, mocks=True)
    said = shown(broker, api_key=key_for(data, Scope.PUBLISH, Scope.READ))
    assert "nothing fails on purpose here: the broker refuses" in said
    assert "dead" not in said
    broker.stop()
