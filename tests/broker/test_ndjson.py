"""Many messages in one request: one commit, all or nothing, and the bad lines named."""

import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.broker.service import Broker, ndjson, pointers

KIND = {"Content-Type": "application/x-ndjson"}
GOOD = {"category": "sports", "body": "x"}


def send(broker: Broker, body: bytes, **headers: str) -> httpx2.Response:
    return broker.call("POST", "/v1/messages", content=body, headers=KIND | headers)


def test_each_line_is_a_message(shared: Broker) -> None:
    response = send(shared, ndjson(GOOD, GOOD | {"title": "second"}, GOOD))
    assert response.status_code == 202
    told = response.json()
    assert told["accepted"] == 3
    assert len(set(told["ids"])) == 3
    assert shared.get(f"/v1/messages/{told['ids'][1]}")["title"] == "second"


def test_all_or_nothing(start: Callable[..., Broker]) -> None:
    broker = start()
    response = send(broker, ndjson(GOOD, GOOD | {"category": "weather"}, GOOD, {"body": "x"}))
    assert response.status_code == 422
    assert broker.get("/v1/messages")["items"] == []


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [
        (ndjson(GOOD, GOOD | {"category": "weather"}), 422, ["/1/category"]),
        (ndjson(GOOD, {"body": 7}), 422, ["/1/category", "/1/body"]),
        (ndjson(GOOD) + b"\n\n" + ndjson(GOOD | {"body": ""}), 422, ["/3/body"]),
        (ndjson(GOOD) + b"\r\n" + ndjson({"category": "sports"}), 422, ["/2/body"]),
        (ndjson(GOOD) + b"{\n" + ndjson(GOOD) + b"nope", 400, ["/1", "/3"]),
        (ndjson(GOOD) + b"[]\n", 422, ["/1"]),
        (ndjson(GOOD) + b"\xff\n", 400, ["/1"]),
        (ndjson(GOOD)[:-1] + b"," + ndjson(GOOD), 400, ["/0"]),
        (b'{"category":"sports"\n,"body":"x"}\n', 400, ["/0", "/1"]),
        (b'{"category":"sports",\n"body":"x"}\n', 400, ["/0", "/1"]),
        (
            b'{"category":"sports"\n"body":"x"}\n' + ndjson(GOOD)[:-1] + b"," + ndjson(GOOD),
            400,
            None,
        ),
        (b"", 422, [""]),
        (b"\n \r\n\t\n", 422, [""]),
    ],
)
def test_lines_that_are_wrong(
    shared: Broker, body: bytes, status: int, where: list[str] | None
) -> None:
    response = send(shared, body)
    assert response.status_code == status, response.text
    assert where is None or pointers(response) == where


def test_line_ends(shared: Broker) -> None:
    line = ndjson(GOOD)[:-1]
    for body in (line, line + b"\r\n" + line, b"\n" + line + b"\n\n", b"  " + line + b"\t\n"):
        assert send(shared, body).status_code == 202


def test_the_key_stands_for_all_lines_in_their_order(shared: Broker) -> None:
    first, second = GOOD | {"body": "first"}, GOOD | {"body": "second"}
    key = {"Idempotency-Key": "ordered"}
    told = send(shared, ndjson(first, second), **key)
    again = send(shared, ndjson(first, second), **key)
    assert (again.status_code, again.json()) == (202, told.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    for other in (ndjson(second, first), ndjson(first), ndjson(first, second, second)):
        refused = send(shared, other, **key)
        assert (refused.status_code, refused.json()["code"]) == (422, "key-reused")
    alone = shared.call("POST", "/v1/messages", json=first, headers=key)
    assert alone.status_code == 422


def test_one_line_is_another_request_than_one_message(shared: Broker) -> None:
    key = {"Idempotency-Key": "one-line"}
    assert send(shared, ndjson(GOOD), **key).status_code == 202
    assert shared.call("POST", "/v1/messages", json=GOOD, headers=key).status_code == 422


def test_ten_thousand_lines(start: Callable[..., Broker]) -> None:
    broker = start()
    body = ndjson(*(GOOD | {"body": f"number {n}"} for n in range(10_000)))
    told = send(broker, body, **{"Idempotency-Key": "large"}).json()
    assert told["accepted"] == 10_000
    assert broker.get("/v1/stats")["messages"] == 10_000
    assert broker.get(f"/v1/messages/{told['ids'][9_999]}")["body"] == "number 9999"
    assert send(broker, body, **{"Idempotency-Key": "large"}).json() == told


def test_more_are_too_many(shared: Broker) -> None:
    assert send(shared, ndjson(GOOD) * 10_001).status_code == 413
    assert send(shared, b"\n" * 10_000 + ndjson(GOOD)).status_code == 413
    assert send(shared, b"\n" * 16_000_000).status_code == 413


def test_larger_is_too_large(shared: Broker) -> None:
    line = ndjson(GOOD | {"body": "x" * 4_000})
    assert send(shared, line * 4_500).status_code == 413
    assert send(shared, ndjson(GOOD, GOOD | {"body": "x" * 262_144})).status_code == 413
    assert shared.call("POST", "/v1/messages", content=line * 100, headers=KIND).status_code in (
        202,
        422,
    )


def test_dry_run_looks_at_one(shared: Broker) -> None:
    response = shared.call("POST", "/v1/messages?dry_run=true", content=ndjson(GOOD), headers=KIND)
    assert pointers(response) == ["/dry_run"]


class TestSubscribers:
    """POST /v1/subscribers as NDJSON."""

    def send(self, broker: Broker, *people: dict[str, Any]) -> httpx2.Response:
        return broker.call("POST", "/v1/subscribers", content=ndjson(*people), headers=KIND)

    def test_all(self, shared: Broker) -> None:
        response = self.send(shared, {"id": "line-1", "name": "One"}, {"name": "Two"})
        assert response.status_code == 201
        told = response.json()
        assert told["created"] == 2
        assert told["ids"][0] == "line-1"
        assert shared.get(f"/v1/subscribers/{told['ids'][1]}")["name"] == "Two"

    def test_or_nothing(self, shared: Broker) -> None:
        wrong = {"name": "x", "email": "nope", "channels": ["sms"], "addresses": {"fax": "1"}}
        response = self.send(shared, {"id": "line-2", "name": "One"}, wrong)
        assert response.status_code == 422
        assert set(pointers(response)) == {"/1/email", "/1/addresses/fax", "/1/channels"}
        assert shared.call("GET", "/v1/subscribers/line-2").status_code == 404

    def test_an_id_twice(self, shared: Broker) -> None:
        response = self.send(shared, {"id": "line-3", "name": "1"}, {"id": "line-3", "name": "2"})
        assert response.status_code == 409
        assert shared.call("GET", "/v1/subscribers/line-3").status_code == 404

    def test_disagreeing_shorthand(self, shared: Broker) -> None:
        wrong = {"name": "x", "email": "a@example.org", "addresses": {"email": "b@example.org"}}
        assert pointers(self.send(shared, {"name": "One"}, wrong)) == ["/1/email"]

    def test_ten_thousand(self, start: Callable[..., Broker]) -> None:
        broker = start()
        people = ({"id": f"p{n}", "name": f"Person {n}"} for n in range(10_000))
        assert self.send(broker, *people).json()["created"] == 10_000
        assert broker.get("/v1/stats")["subscribers"] == 10_000


def test_other_requests_are_answered_meanwhile(start: Callable[..., Broker]) -> None:
    """A large request must not hold the event loop: the longest wait of others stays short."""
    broker = start()
    body = ndjson(*(GOOD | {"body": f"{n} " + "x" * 1_000} for n in range(10_000)))
    with httpx2.Client(base_url=broker.url, timeout=30) as other:
        other.get("/healthz")
        waits = _waits_during(lambda: send(broker, body), other)
    assert max(waits) < 1.0, "generous, because machines differ; benchmarks say how long"


def _waits_during(work: Callable[[], object], other: httpx2.Client) -> list[float]:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

    waits = [0.0]
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        while not working.done():
            began = time.perf_counter()
            other.get("/healthz")
            waits.append(time.perf_counter() - began)
    return waits
