"""One recipient, and what can be done about deliveries that were given up."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.broker.service import Broker
from tests.client.console import Console


@pytest.fixture
def expired(broker: Broker) -> str:
    """A message whose e-mails are dead: it was good for a moment, and only a clock can end it."""
    end = datetime.now(UTC) + timedelta(seconds=0.3)
    broker.call("POST", "/v1/channels/email/pause")
    message = broker.publish(category="sports", body="Late", expires_at=end.isoformat())["id"]
    while datetime.now(UTC) < end:
        time.sleep(0.003)
    broker.call("POST", "/v1/channels/email/resume")
    broker.done(message)
    return str(message)


def test_a_message_says_what_was_given_up_and_replays_it(
    console: Console, broker: Broker, expired: str
) -> None:
    page = console.get(f"/messages/{expired}")
    assert "2 deliveries were given up." in page
    assert "the message expired first" in page
    assert '<option value="24">good for a day</option>' in page
    answer = console.post(f"/messages/{expired}/replay", {"hours": "24"})
    assert answer.headers["Location"] == f"/messages/{expired}"
    assert broker.done(expired)["deliveries"]["by_state"]["delivered"] == 6
    assert "given up" not in console.get(f"/messages/{expired}")


def test_one_delivery_is_replayed(console: Console, broker: Broker, expired: str) -> None:
    (one,) = broker.deliveries(message=expired, channel="email", subscriber="ada")
    address = f"/deliveries/{one['id']}"
    assert "dead: the message expired first" in console.get(address)
    refused = console.page(console.post(f"{address}/replay", {"hours": "forever"}), 409)
    assert "expired" in refused
    answer = console.post(f"{address}/replay", {"hours": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    broker.done(expired)
    page = console.get(address)
    assert "dead: the message expired first; replayed later" in page
    assert "attempt 1 was accepted by the channel" in page
    assert "Replay" not in page


def test_a_recipient_has_a_page_for_all_channels(console: Console, broker: Broker) -> None:
    message = broker.publish(category="sports", title="Final", body="1:0")["id"]
    broker.done(message)
    page = console.get(f"/messages/{message}/to/chloe")
    assert "<h1>Chloé Martin</h1>" in page
    assert page.count("attempt 1 was accepted by the channel") == 2
    assert "Subject: Final" in page
    assert "chloe@example.org" in page
    part = console.get(f"/messages/{message}/to/chloe", headers={"HX-Request": "true"})
    assert "<html" not in part
    assert "is not among those who get" in console.get(f"/messages/{message}/to/nobody", 404)
    assert "there is no message" in console.get("/messages/nope/to/ada", 404)


def test_a_message_shows_how_it_goes_out_on_each_channel(console: Console, broker: Broker) -> None:
    message = broker.done(broker.publish(category="sports", title="Goal!", body="As sent")["id"])
    page = console.get(f"/messages/{message['id']}")
    for channel in message["deliveries"]["by_channel"]:
        label = {"sms": "SMS", "email": "E-mail"}.get(channel, channel.capitalize())
        assert f'aria-label="{label}, as it goes out">' in page
    part = console.get(f"/messages/{message['id']}", headers={"HX-Request": "true"})
    assert "as it goes out" not in part


def test_what_has_not_started_is_stopped(console: Console, broker: Broker) -> None:
    broker.call("POST", "/v1/channels/email/pause")
    message = broker.publish(category="sports", body="Not like this")["id"]
    page = console.get(f"/messages/{message}")
    assert "Stop what has not started" in page
    assert console.post(f"/messages/{message}/cancel", {}).status_code == 303
    broker.call("POST", "/v1/channels/email/resume")
    assert broker.done(message)["deliveries"]["by_state"]["cancelled"] >= 2
    page = console.get(f"/messages/{message}")
    assert "what had not started by then is not sent" in page
    assert "Stop what" not in page


@pytest.mark.parametrize("path", ["/messages/x/replay", "/deliveries/x/replay", "/demo"])
def test_no_other_site_replays(console: Console, path: str) -> None:
    assert console.post(path, {}, headers={"Origin": "http://evil.example"}).status_code == 403
