"""Publish: the 202, and what it promises."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from signal import SIGKILL

import pytest

from tests.broker.service import Broker, pointers

GOAL = {"category": "sports", "title": "Goal!", "body": "1:0 after 87 minutes"}


def test_202_says_where_to_look(shared: Broker) -> None:
    response = shared.call("POST", "/v1/messages", json=GOAL)
    assert response.status_code == 202
    told = response.json()
    assert set(told) == {"id", "category", "accepted_at", "state"}
    assert (told["category"], told["state"]) == ("sports", "accepted")
    assert told["accepted_at"].endswith("Z")
    assert response.headers["Location"] == f"/v1/messages/{told['id']}"
    shown = shared.get(response.headers["Location"])
    assert {name: shown[name] for name in GOAL} == GOAL
    assert shown["accepted_at"] == told["accepted_at"]


def test_message_without_audience_is_done(shared: Broker) -> None:
    shown = shared.done(shared.publish(category="movies", body="A film that nobody awaits")["id"])
    assert shown["deliveries"]["total"] == 0
    assert sum(shown["deliveries"]["by_state"].values()) == 0


def test_what_was_accepted_survives_kill_9(start: Callable[..., Broker]) -> None:
    first = start()
    accepted = first.publish("once", **GOAL)
    first.stop(SIGKILL)
    second = start()
    assert second.get(f"/v1/messages/{accepted['id']}")["body"] == GOAL["body"]
    assert second.publish("once", **GOAL) == accepted


class TestIdempotency:
    """The same key is the same request: same 202, same id, same Location."""

    def test_replayed_as_it_was(self, shared: Broker) -> None:
        key = {"Idempotency-Key": "as-it-was"}
        first = shared.call("POST", "/v1/messages", json=GOAL, headers=key)
        shared.done(first.json()["id"])
        again = shared.call("POST", "/v1/messages", json=GOAL, headers=key)
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers

    def test_fields_count_not_bytes(self, shared: Broker) -> None:
        first = shared.publish("spelling", **GOAL)
        spelled = b' {"body":"1:0 after 87 minutes","title":"Go\\u0061l!","category":"sports"}'
        again = shared.call(
            "POST",
            "/v1/messages",
            content=spelled,
            headers={"Idempotency-Key": "spelling", "Content-Type": "application/json"},
        )
        assert again.json() == first

    def test_other_content_is_refused(self, shared: Broker) -> None:
        first = shared.publish("other", **GOAL)
        response = shared.call(
            "POST",
            "/v1/messages",
            json=GOAL | {"body": "2:0"},
            headers={"Idempotency-Key": "other"},
        )
        assert response.status_code == 422
        assert response.json()["code"] == "key-reused"
        assert shared.publish("other", **GOAL) == first

    @pytest.mark.parametrize("key", ["", "with space", "ümlaut", "x" * 256])
    def test_what_is_no_key(self, shared: Broker, key: str) -> None:
        response = shared.call(
            "POST",
            "/v1/messages",
            json=GOAL,
            headers={"Idempotency-Key": key.encode("latin-1")},
        )
        assert response.status_code == 422
        assert "Idempotency-Key" in response.json()["detail"]

    def test_answered_though_it_expired_meanwhile(self, shared: Broker) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=0.3)
        stale = GOAL | {"expires_at": soon.isoformat()}
        first = shared.publish("stale", **stale)
        while datetime.now(UTC) <= soon:
            shared.get("/healthz")
        assert shared.publish("stale", **stale) == first

    def test_longest_key(self, shared: Broker) -> None:
        key = "~" * 255
        assert shared.publish(key, **GOAL) == shared.publish(key, **GOAL)


class TestContent:
    """422: understood and refused, with every problem at its place."""

    @pytest.mark.parametrize(
        ("change", "where"),
        [
            ({"category": "weather"}, ["/category"]),
            ({"body": ""}, ["/body"]),
            ({"body": " \n"}, ["/body"]),
            ({"body": "nul \0"}, ["/body"]),
            ({"title": ""}, ["/title"]),
            ({"title": "two\r\nlines"}, ["/title"]),
            ({"title": "x" * 201}, ["/title"]),
            ({"body": 7}, ["/body"]),
            ({"body": None}, ["/body"]),
            ({"titel": "typing mistake"}, ["/titel"]),
            ({"a/b~c": 1}, ["/a~1b~0c"]),
            ({"expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
            ({"expires_at": "2120-01-01T00:00:00"}, ["/expires_at"]),
            ({"expires_at": "1700000000"}, ["/expires_at"]),
            ({"expires_at": 1700000000}, ["/expires_at"]),
            ({"expires_at": "0001-01-01T00:00:00+14:00"}, ["/expires_at"]),
            ({"category": 1, "body": 2}, ["/category", "/body"]),
        ],
    )
    def test_refused(self, shared: Broker, change: dict[str, object], where: list[str]) -> None:
        response = shared.call("POST", "/v1/messages", json=GOAL | change)
        assert response.status_code == 422
        assert sorted(set(pointers(response))) == sorted(where)

    def test_required_fields_are_named(self, shared: Broker) -> None:
        assert pointers(shared.call("POST", "/v1/messages", json={})) == ["/category", "/body"]

    def test_null_is_as_left_out(self, shared: Broker) -> None:
        shared.publish(category="sports", body="x", title=None, expires_at=None)

    def test_expiry_in_any_offset(self, shared: Broker) -> None:
        at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        local = at + timedelta(hours=2)
        accepted = shared.publish(**GOAL, expires_at=f"{local:%Y-%m-%dT%H:%M:%S}+02:00")
        shown = shared.get(f"/v1/messages/{accepted['id']}")
        assert datetime.fromisoformat(shown["expires_at"]) == at


class TestDryRun:
    """Who would get it, and how it looks; nothing is stored."""

    def test_counts_and_renders(self, start: Callable[..., Broker]) -> None:
        broker = start(mocks=True)
        before = broker.get("/v1/stats")["messages"]
        response = broker.call("POST", "/v1/messages?dry_run=true", json=GOAL)
        assert response.status_code == 200
        seen = response.json()
        assert set(seen) == {"subscribers", "by_channel", "sample", "rendered"}
        assert seen["subscribers"] >= 3
        assert seen["by_channel"]["sms"] >= 2
        assert set(seen["sample"]) <= {one["id"] for one in broker.pages("/v1/subscribers")}
        assert set(seen["rendered"]) == {"sms", "email", "push"}
        assert "Goal!" in seen["rendered"]["sms"]["text"]
        assert seen["rendered"]["email"]["content_type"] == "message/rfc822"
        assert broker.get("/v1/stats")["messages"] == before

    def test_refuses_what_publishing_would(self, shared: Broker) -> None:
        response = shared.call("POST", "/v1/messages?dry_run=true", json={"category": "sports"})
        assert response.status_code == 422

    def test_false_publishes(self, shared: Broker) -> None:
        response = shared.call("POST", "/v1/messages?dry_run=false", json=GOAL)
        assert response.status_code == 202


def test_cancel_twice_is_as_once(shared: Broker) -> None:
    fan = {"name": "Fan", "phone": "+12025550123", "categories": ["sports"], "channels": ["sms"]}
    assert shared.call("PUT", "/v1/subscribers/patient-fan", json=fan).status_code == 201
    # Without an audience, or with a channel that takes it, it may be done before it is cancelled.
    shared.call("POST", "/v1/channels/sms/pause")
    try:
        accepted = shared.publish(**GOAL)
        first = shared.call("POST", f"/v1/messages/{accepted['id']}/cancel")
        assert first.status_code == 200
        again = shared.call("POST", f"/v1/messages/{accepted['id']}/cancel")
        assert again.json()["cancelled_at"] == first.json()["cancelled_at"] is not None
    finally:
        shared.call("POST", "/v1/channels/sms/resume")
        shared.call("DELETE", "/v1/subscribers/patient-fan")
