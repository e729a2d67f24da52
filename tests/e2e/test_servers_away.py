"""What two brokers and three workers say and do while a server of theirs is away."""

import time

import httpx2

from tests.broker.service import PATIENCE_SECONDS, Api, assert_problem
from tests.e2e.house import ManyHouse, many_marks

pytestmark = many_marks
FAY = {"name": "Fay", "phone": "+12025550123", "categories": ["movies"], "channels": ["sms"]}
"""Without anybody to get it a message is over as soon as it is planned."""


def readiness(api: Api, status: int, **told: str) -> httpx2.Response:
    """Waits until it is told so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = api.http.get("/readyz")
        if answer.status_code == status and told.items() <= answer.json().items():
            return answer
        assert time.monotonic() < deadline, answer.text


def test_no_store_no_traffic(many: ManyHouse) -> None:
    many.here.put("fay", **FAY)
    many.cluster.postgres.end()
    for api in (many.here, many.there):
        told = assert_problem(readiness(api, 503))
        assert "the store cannot be reached" in told["detail"]
        assert api.http.get("/healthz").status_code == 200
        refused = api.call("POST", "/v1/messages", json={"category": "movies", "body": "lost?"})
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
    many.run(many.cluster.postgres.start())
    for api in (many.here, many.there):
        readiness(api, 200)
    message = many.here.publish(category="movies", body="The store is back")["id"]
    many.there.done(message)
    many.here.call("DELETE", "/v1/subscribers/fay")


def test_no_queue_only_a_delay(many: ManyHouse) -> None:
    """What is accepted waits in the store."""
    assert many.cluster.nats is not None
    many.here.put("fay", **FAY)
    for node in many.cluster.nats.nodes:
        node.kill()
    try:
        for api in (many.here, many.there):
            readiness(api, 200, store="ok", queue="unavailable")
        message = many.here.publish(category="movies", body="The queue is away")["id"]
        told = many.there.get(f"/v1/messages/{message}")
        assert told["state"] in ("accepted", "delivering")
    finally:
        # Others come after this one.
        for node in many.cluster.nats.nodes:
            node.start()
    for api in (many.here, many.there):
        readiness(api, 200, queue="ok")
    many.there.done(message)
    many.here.call("DELETE", "/v1/subscribers/fay")
