"""What waits has a limit; at it nothing more is taken, and nothing that was taken is dropped."""

from collections.abc import Callable

from tests.broker.service import Broker, ndjson

GOAL = {"category": "sports", "body": "x"}


def test_the_limit_and_its_end(start: Callable[..., Broker]) -> None:
    broker = start(backlog=5)
    broker.put("ada", name="x", phone="+12025550123", categories=["sports"], channels=["sms"])
    assert broker.call("POST", "/v1/channels/sms/pause").status_code == 200
    accepted = [broker.publish(f"k{n}", **GOAL) for n in range(5)]
    assert broker.get("/v1/queue")["backlog"] == {"waiting": 5, "limit": 5}
    lines = {"Content-Type": "application/x-ndjson"}
    for refused in (
        broker.call("POST", "/v1/messages", json=GOAL),
        broker.call("POST", "/v1/messages?dry_run=false", json=GOAL),
        broker.call("POST", "/v1/messages", content=ndjson(GOAL, GOAL), headers=lines),
        broker.call("POST", "/v1/subscribers/ada/test", json={}),
    ):
        assert refused.status_code == 503
        assert refused.json()["code"] == "unavailable"
        assert int(refused.headers["Retry-After"]) >= 1
    assert broker.publish("k2", **GOAL)["id"] == accepted[2]["id"]
    assert len(broker.get("/v1/messages")["items"]) == 5
    # Restarted in the middle of it, the limit still stands.
    assert broker.stop() == 0
    broker = start(backlog=5)
    assert broker.call("POST", "/v1/messages", json=GOAL).status_code == 503
    broker.call("POST", "/v1/channels/sms/resume")
    for message in accepted:
        assert broker.done(message["id"])["deliveries"]["by_state"]["delivered"] == 1
    assert broker.get("/v1/queue")["backlog"]["waiting"] == 0
    broker.publish(**GOAL)
