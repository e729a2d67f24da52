"""/queue, /dead and /settings, on a broker whose channels may be held back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.service import Broker
from tests.client.console import Console

PART = {"HX-Request": "true"}
WAITING = re.compile(r'data-name="Waiting">[1-9]')


@pytest.fixture
def dead(own_broker: Broker) -> Iterator[Broker]:
    """With two dead letters on parrot, which says no to everybody."""
    for number in range(2):
        own_broker.put(
            f"bird-{number}",
            name="Bird",
            addresses={"perch": f"branch {number}"},
            categories=["sports"],
            channels=["parrot"],
        )
    message = own_broker.publish(category="sports", title="no such <i>branch</i>", body="Hello")
    own_broker.done(message["id"])
    yield own_broker
    for number in range(2):
        own_broker.call("DELETE", f"/v1/subscribers/bird-{number}")


def test_a_channel_is_held_back_and_goes_on(own_console: Console, own_broker: Broker) -> None:
    assert "running" in own_console.get("/queue")
    paused = own_console.post("/queue/sms/pause", {})
    assert (paused.status_code, paused.headers["Location"]) == (303, "/queue")
    message = own_broker.publish(category="sports", body="It waits")
    while not WAITING.search(page := own_console.get("/queue")):
        pass
    assert "Paused:" in page
    assert "Resume SMS" in page
    part = own_console.get("/queue", headers=PART)
    assert "<html" not in part
    assert "Resume SMS" in part
    own_console.post("/queue/sms/resume", {})
    own_broker.done(message["id"])
    assert "Paused:" not in own_console.get("/queue")
    assert "there is no channel" in own_console.page(own_console.post("/queue/x/pause", {}), 404)
    assert own_console.http.post("/queue/sms/stop").status_code == 404


def test_another_console_knows_the_same_rates_from_its_first_page_on(own_broker: Broker) -> None:
    sent = own_broker.publish(category="sports", body="Before anybody looked")
    own_broker.done(sent["id"])
    while own_broker.get("/v1/stats")["rates"]["over_seconds"] is None:
        pass  # For half a second after its start a broker cannot say.
    console = Console(own_broker.url)
    try:
        assert re.search("Last minute.*?<td class=.number.>[1-9]", console.get("/queue"), re.DOTALL)
        assert re.search("[1-9][0-9]* ended this minute</span>", console.get("/"))
    finally:
        assert console.stop() == 0


def test_rates_say_since_when_they_are_known(own_console: Console) -> None:
    flow = own_console.get("/queue?part=flow", headers=PART)
    assert "Last minute" in flow
    assert "Last 15 min" in flow
    assert "data-series=" in flow
    assert "knows of the time since <time" in flow


def test_dead_letters_are_grouped_looked_at_and_replayed(
    own_console: Console, dead: Broker
) -> None:
    page = own_console.get("/dead")
    assert "The channel said no for good" in page
    assert "no such <i>branch</i>" in page
    assert "Replay all" not in page
    looked = own_console.get("/dead?channel=parrot&reason=refused&subscriber=bird-0")
    assert "Replay it" in looked
    assert dead.deliveries(state="dead", subscriber="bird-0"), "looking changes nothing"
    [one] = dead.deliveries(state="dead", subscriber="bird-0")
    replayed = own_console.post("/dead/replay", {"subscriber": "bird-0", "all": "1"})
    assert replayed.headers["Location"] == "/dead?replayed=1"
    assert "tried again" in own_console.get(replayed.headers["Location"])
    dead.done(one["message_id"])
    again = dead.get(f"/v1/deliveries/{one['id']}")
    assert (again["state"], again["round"]) == ("dead", 2), "parrot says no again"
    single = own_console.post("/dead/replay", {"delivery": one["id"], "channel": "parrot"})
    assert single.headers["Location"] == "/dead?channel=parrot&replayed=1"
    dead.done(one["message_id"])
    assert dead.get(f"/v1/deliveries/{one['id']}")["round"] == 3
    part = own_console.get("/dead", headers=PART)
    assert "<html" not in part
    assert "refused" in part


@pytest.mark.usefixtures("dead")
def test_dead_letters_since_a_time(own_console: Console) -> None:
    old = own_console.get("/dead?since=2020-01-02T03:04")
    assert 'value="2020-01-02T03:04:00"' in old
    assert "Replay all" in old
    later = own_console.get("/dead?since=2999-01-01T00:00:00%2B01:00&category=sports")
    assert 'value="2998-12-31T23:00:00"' in later
    assert "Nothing dead matches." in later
    assert "That cannot be done" in own_console.get("/dead?since=yesterday", 422)


def test_nothing_is_replayed_that_was_not_chosen(own_console: Console) -> None:
    assert "choose first" in own_console.page(own_console.post("/dead/replay", {}), 422)
    form = {"delivery": "a.b.c"}
    assert "there is no delivery" in own_console.page(own_console.post("/dead/replay", form), 404)
    nothing = own_console.post("/dead/replay", {"channel": "sms", "longer": "day"})
    assert "Nothing was replayed" in own_console.get(nothing.headers["Location"])


def test_where_nothing_is_yet_pages_say_what_to_do(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "data", mocks=False)
    console = Console(broker.url)
    page = console.get("/dead")
    assert "No dead letters." in page
    assert "Look, then replay" not in page
    people = console.get("/subscribers")
    assert "Nobody is registered yet." in people
    assert '<details class="card" open>' in people
    assert console.stop() == 0
    broker.stop()


def test_settings_say_where_they_come_from(own_console: Console) -> None:
    page = own_console.get("/settings")
    assert "sms, email, push, parrot" in page
    assert "<code>rate_limit</code>" in page
    for amount in ("10,000,000 deliveries", "30 seconds", "1,024 MiB", "1 node"):
        assert f">{amount}<" in page
    assert "0 streams" not in page, "no limit is not a limit of none"
    assert "default" in page
    assert "This console" in page
