"""Dead letters: listed, counted, replayed, one or all that match."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.broker.service import Broker, Json, pointers


@pytest.fixture
def broker(start: Callable[..., Broker]) -> Broker:
    """With two dead letters: their message expired while the channel was held back."""
    broker = start()
    for n in range(2):
        broker.put(
            f"late-{n}",
            name="Late",
            phone="+12025550123",
            email="late@example.org",
            categories=["sports"],
            channels=["sms", "email"],
        )
    broker.call("POST", "/v1/channels/sms/pause")
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    accepted = broker.publish(category="sports", body="soon stale", expires_at=soon.isoformat())
    while datetime.now(UTC) <= soon:
        broker.get("/healthz")
    broker.call("POST", "/v1/channels/sms/resume")
    broker.done(accepted["id"])
    return broker


def dead(broker: Broker) -> list[Json]:
    return list(broker.pages("/v1/dead-letters"))


def later() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def test_listed_and_counted(broker: Broker) -> None:
    letters = dead(broker)
    assert {(one["channel"], one["state"], one["reason"]) for one in letters} == {
        ("sms", "dead", "expired")
    }
    assert letters == broker.deliveries(state="dead") == broker.deliveries(reason="expired")
    assert dead(broker) == list(broker.pages("/v1/dead-letters", channel="sms", limit=1))
    assert broker.get("/v1/dead-letters", channel="email")["items"] == []
    [group] = broker.get("/v1/dead-letters", group_by="reason")["items"]
    assert (group["channel"], group["reason"], group["count"]) == ("sms", "expired", 2)
    assert group["sample"] in {one["id"] for one in letters}
    assert pointers(broker.call("GET", "/v1/dead-letters?group_by=day")) == ["/group_by"]
    assert pointers(broker.call("GET", "/v1/dead-letters?state=pending")) == ["/state"]


def test_one(broker: Broker) -> None:
    first, second = dead(broker)
    path = f"/v1/deliveries/{first['id']}/replay"
    assert broker.call("POST", path).status_code == 409, "it needs a new end"
    response = broker.call("POST", path, json={"expires_at": later()})
    assert response.status_code == 202
    assert response.json()["id"] == first["id"]
    assert response.headers["Location"] == f"/v1/deliveries/{first['id']}"
    broker.done(first["message_id"])
    story = broker.get(f"/v1/deliveries/{first['id']}")
    assert (story["state"], story["round"]) == ("delivered", 2)
    assert [(one["round"], one["state"], one["reason"]) for one in story["rounds"]] == [
        (1, "dead", "expired")
    ]
    assert [one["id"] for one in dead(broker)] == [second["id"]]
    assert broker.call("POST", path, json={"expires_at": later()}).status_code == 409
    past = broker.call(
        "POST",
        f"/v1/deliveries/{second['id']}/replay",
        json={"expires_at": "2020-01-01T00:00:00Z"},
    )
    assert pointers(past) == ["/expires_at"]


def test_all_that_match(broker: Broker) -> None:
    path = "/v1/dead-letters/replay"
    count = broker.call("POST", f"{path}?dry_run=true", json={"reason": "expired"})
    assert (count.status_code, count.json()) == (200, {"matching": 2})
    assert len(dead(broker)) == 2
    for nothing in ({"channel": "email"}, {"message": "nope"}, {"subscriber": "nobody"}):
        assert broker.call("POST", path, json=nothing).json() == {"replayed": 0}
    expired = broker.call("POST", path, json={})
    assert expired.json() == {"replayed": 0}, "expired ones need a new end"
    replayed = broker.call("POST", path, json={"channel": "sms", "expires_at": later()})
    assert (replayed.status_code, replayed.json()) == (202, {"replayed": 2})
    [message] = broker.get("/v1/messages")["items"]
    shown = broker.done(message["id"])
    assert shown["deliveries"]["by_state"]["delivered"] == 4
    assert dead(broker) == []


def test_a_filter_must_be_given(broker: Broker) -> None:
    assert broker.call("POST", "/v1/dead-letters/replay").status_code == 415
    response = broker.call("POST", "/v1/dead-letters/replay", json={"chanel": "sms"})
    assert pointers(response) == ["/chanel"]
    assert len(dead(broker)) == 2
