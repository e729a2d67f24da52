"""The promise as a user sees it: who is registered how, and exactly who gets what."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.broker.service import Broker

PEOPLE: dict[str, dict[str, Any]] = {
    "all": {
        "name": "Everything, everywhere",
        "email": "all@example.org",
        "phone": "+12025550111",
        "push_token": "all-phone",
        "categories": ["finance", "movies", "sports"],
        "channels": ["sms", "email", "push"],
    },
    "sports-by-sms": {
        "name": "Sports by SMS",
        "phone": "+12025550112",
        "categories": ["sports"],
        "channels": ["sms"],
    },
    "override": {
        "name": "Finance by e-mail alone",
        "addresses": {"email": "override@example.org", "push_token": "override-phone"},
        "categories": ["finance", "sports"],
        "channels": ["push"],
        "overrides": {"finance": ["email"], "movies": ["push"]},
    },
    "muted": {
        "name": "Follows sports, but on nothing",
        "email": "muted@example.org",
        "categories": ["sports", "movies"],
        "channels": ["email"],
        "overrides": {"sports": []},
    },
    "no-channel": {"name": "Categories, no channel", "categories": ["finance", "sports"]},
    "no-category": {
        "name": "Channels, no category",
        "email": "none@example.org",
        "channels": ["email"],
    },
}
EXPECTED = {
    "sports": {
        ("all", "sms", "+12025550111"),
        ("all", "email", "all@example.org"),
        ("all", "push", "all-phone"),
        ("sports-by-sms", "sms", "+12025550112"),
        ("override", "push", "override-phone"),
    },
    "finance": {
        ("all", "sms", "+12025550111"),
        ("all", "email", "all@example.org"),
        ("all", "push", "all-phone"),
        ("override", "email", "override@example.org"),
    },
    "movies": {
        ("all", "sms", "+12025550111"),
        ("all", "email", "all@example.org"),
        ("all", "push", "all-phone"),
        ("muted", "email", "muted@example.org"),
    },
}


@pytest.fixture
def broker(start: Callable[..., Broker]) -> Broker:
    """With everybody registered, through the API, by PUT, POST and NDJSON."""
    broker = start()
    for subscriber, profile in PEOPLE.items():
        if subscriber in ("all", "muted"):
            broker.put(subscriber, **profile)
        else:
            whole = profile | {"id": subscriber}
            assert broker.call("POST", "/v1/subscribers", json=whole).status_code == 201
    return broker


def logged(broker: Broker, **wanted: Any) -> set[tuple[str, str, str]]:
    found = broker.deliveries(**wanted)
    assert len({one["id"] for one in found}) == len(found)
    return {(one["subscriber_id"], one["channel"], one["address"]) for one in found}


def test_exactly_the_right_deliveries(broker: Broker) -> None:
    for category, expected in EXPECTED.items():
        accepted = broker.publish(category=category, title="T", body=f"About {category}")
        shown = broker.done(accepted["id"])
        assert logged(broker, message=accepted["id"]) == expected
        assert shown["deliveries"]["total"] == len(expected)
        assert shown["deliveries"]["by_state"]["delivered"] == len(expected)
        for one in broker.deliveries(message=accepted["id"]):
            assert (one["state"], one["attempts"]) == ("delivered", 1)
            assert one["category"] == category


def test_filters_of_the_log(broker: Broker) -> None:
    ids = {category: broker.publish(category=category, body="x")["id"] for category in EXPECTED}
    categories = list(EXPECTED)
    later = categories[categories.index("finance") :]
    for message in ids.values():
        broker.done(message)
    everything = set().union(*EXPECTED.values())
    assert logged(broker, subscriber="override") == {
        one for one in everything if one[0] == "override"
    }
    assert logged(broker, channel="sms", category="sports") == {
        one for one in EXPECTED["sports"] if one[1] == "sms"
    }
    assert logged(broker, state="delivered", message=ids["movies"]) == EXPECTED["movies"]
    assert logged(broker, state="dead") == set()
    at = broker.get(f"/v1/messages/{ids['finance']}")["accepted_at"]
    since = {one["message_id"] for one in broker.deliveries(since=at)}
    assert since == {ids[category] for category in later}
    east = (datetime.fromisoformat(at) + timedelta(hours=2)).isoformat().replace("+00:00", "+02:00")
    unescaped = broker.get(f"/v1/deliveries?since={east}&limit=1000")["items"]
    assert {one["message_id"] for one in unescaped} == since


def test_choices_count_from_the_next_message_on(broker: Broker) -> None:
    before = broker.publish(category="sports", body="before")
    broker.done(before["id"])
    chosen = {"categories": ["sports"], "channels": [], "overrides": {"sports": ["sms"]}}
    broker.call("PUT", "/v1/subscribers/all/preferences", json=chosen)
    assert broker.call("DELETE", "/v1/subscribers/sports-by-sms").status_code == 204
    after = broker.publish(category="sports", body="after")
    broker.done(after["id"])
    assert logged(broker, message=after["id"]) == {
        ("all", "sms", "+12025550111"),
        ("override", "push", "override-phone"),
    }
    kept = {one["subscriber_id"] for one in broker.deliveries(message=before["id"])}
    assert kept == {"all", "override", None}, "who was erased has no name in the log any more"
    assert broker.get(f"/v1/messages/{before['id']}")["deliveries"]["total"] == 5


def test_one_delivery_explained(broker: Broker) -> None:
    accepted = broker.publish(category="sports", title="Goal!", body="1:0")
    broker.done(accepted["id"])
    [logged_one] = broker.deliveries(message=accepted["id"], subscriber="sports-by-sms")
    story = broker.get(f"/v1/deliveries/{logged_one['id']}")
    assert {name: story[name] for name in logged_one} == logged_one
    assert story["rendered"]["text"] == "Goal!\n1:0"
    assert story["rendered"]["facts"]["segments"] == 1
    assert story["subscriber_name"] == "Sports by SMS"
    assert [attempt["number"] for attempt in story["history"]] == [1]
    assert story["history"][0]["started_at"] is not None
    response = broker.call("POST", f"/v1/deliveries/{logged_one['id']}/replay")
    assert response.status_code == 409, "only what is dead is replayed"


def test_a_test_message_reaches_one(broker: Broker) -> None:
    response = broker.call("POST", "/v1/subscribers/all/test", json={"category": "sports"})
    assert response.status_code == 202
    told = response.json()
    assert told["category"] == "sports"
    broker.done(told["id"])
    assert logged(broker, message=told["id"]) == {o for o in EXPECTED["sports"] if o[0] == "all"}
    assert broker.get(f"/v1/messages/{told['id']}")["only"] == "all"
    bare = broker.call("POST", "/v1/subscribers/sports-by-sms/test")
    assert (bare.status_code, bare.json()["category"]) == (202, "sports")
    assert broker.call("POST", "/v1/subscribers/no-category/test").status_code == 422


def test_a_paused_channel_keeps_its_deliveries(broker: Broker) -> None:
    broker.call("POST", "/v1/channels/sms/pause")
    accepted = broker.publish(category="sports", body="later")
    with broker.stream("/v1/events", message=accepted["id"], after=0) as events:
        assert {next(events)["data"]["channel"] for _ in range(2)} == {"email", "push"}
    waiting = broker.deliveries(message=accepted["id"], channel="sms")
    assert {one["state"] for one in waiting} == {"pending"}
    [queued] = [one for one in broker.get("/v1/queue")["items"] if one["channel"] == "sms"]
    assert queued["paused"] is True
    assert queued["deliveries_open"] == 2
    assert queued["oldest_age_seconds"] >= 0
    broker.call("POST", "/v1/channels/sms/resume")
    assert broker.done(accepted["id"])["deliveries"]["by_state"]["delivered"] == 5


def test_cancel_stops_what_has_not_started(broker: Broker) -> None:
    for channel in ("sms", "email", "push"):
        broker.call("POST", f"/v1/channels/{channel}/pause")
    accepted = broker.publish(category="sports", body="never")
    cancelled = broker.call("POST", f"/v1/messages/{accepted['id']}/cancel")
    assert cancelled.json()["cancelled_at"] is not None
    for channel in ("sms", "email", "push"):
        broker.call("POST", f"/v1/channels/{channel}/resume")
    shown = broker.done(accepted["id"])
    assert shown["deliveries"]["by_state"]["cancelled"] == shown["deliveries"]["total"] == 5
    assert {one["reason"] for one in broker.deliveries(message=accepted["id"])} == {"stopped"}
