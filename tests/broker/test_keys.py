"""API keys beside a running broker: what they own, when they end, and where they never appear."""

import json
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any

import httpx2
import pytest

from notefly.domain.access import Scope, spell
from tests.broker.holders import bearer, key_for, revoke
from tests.broker.service import PATIENCE_SECONDS, Broker, assert_problem

GOAL = {"category": "sports", "body": "Goal!"}
LANES = ("/v1/messages", "/v1/messages?dry_run=false")
Start = Callable[..., Broker]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def publish(broker: Broker, lane: str, key: str | None, idempotency: str) -> httpx2.Response:
    headers = {"Idempotency-Key": idempotency} | ({} if key is None else bearer(key))
    return broker.call("POST", lane, json=GOAL, headers=headers)


def test_the_first_key_is_made_before_the_first_start(start: Start, folder: Path) -> None:
    key = key_for(folder, Scope.PUBLISH)
    broker = start(require_keys=True)
    assert publish(broker, LANES[0], key, "first").status_code == 202


@pytest.mark.parametrize("lane", LANES)
def test_idempotency_keys_belong_to_an_api_key(start: Start, folder: Path, lane: str) -> None:
    broker = start()
    callers = [None, key_for(folder, Scope.PUBLISH), key_for(folder, Scope.ADMIN)]
    ids = [publish(broker, lane, key, "same").json()["id"] for key in callers]
    assert len(set(ids)) == 3
    for other in LANES:
        again = [publish(broker, other, key, "same") for key in callers]
        assert [one.json()["id"] for one in again] == ids
        assert {one.headers["Idempotency-Replayed"] for one in again} == {"true"}


def test_where_keys_are_optional_a_wrong_one_is_refused_all_the_same(
    start: Start, folder: Path
) -> None:
    broker = start()
    key = key_for(folder, Scope.READ)
    assert broker.call("GET", "/v1/messages").status_code == 200
    assert broker.call("GET", "/v1/messages", headers=bearer(key)).status_code == 200
    assert broker.call("GET", "/healthz", headers=bearer("wrong")).status_code == 200
    basic = {"Authorization": "Basic bWU6c2VjcmV0"}
    assert broker.call("GET", "/v1/messages", headers=basic).status_code == 200
    for lane in LANES:
        assert publish(broker, lane, key, "x").status_code == 403
        for wrong in ("wrong", key[:-1] + "x", spell("f" * 12, bytes(32))):
            refused = publish(broker, lane, wrong, "x")
            assert assert_problem(refused)["code"] == "key-refused"
            assert refused.status_code == 401
    twice = [("Authorization", f"Bearer {key}")] * 2
    assert broker.call("GET", "/v1/messages", headers=twice).status_code == 401


def test_a_key_that_is_revoked_ends_with_its_streams(start: Start, folder: Path) -> None:
    broker = start(require_keys=True)
    reader, writer = key_for(folder, Scope.READ), key_for(folder, Scope.ADMIN)
    ended: list[bytes] = []
    opened = httpx2.Client(base_url=broker.url, timeout=PATIENCE_SECONDS)
    headers = bearer(reader) | {"Accept": "text/event-stream"}
    with opened, opened.stream("GET", "/sub", headers=headers) as response:
        assert response.status_code == 200
        lines = response.iter_lines()
        next(lines)
        reading = Thread(target=lambda: ended.extend(line.encode() for line in lines))
        reading.start()
        revoke(folder, reader)
        _until(lambda: broker.call("GET", "/v1/stats", headers=bearer(reader)).status_code == 401)
        secret = broker.call(
            "POST", "/v1/messages", json=GOAL | {"body": "secret"}, headers=bearer(writer)
        )
        assert secret.status_code == 202
        reading.join(PATIENCE_SECONDS)
        assert not reading.is_alive(), "the stream did not end"
    assert not any(b"secret" in line for line in ended)


def _until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not holds():
        assert monotonic() < deadline


def test_keys_appear_nowhere(start: Start, folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    own = spell("0123456789ab", b"canary of the settings, 32 bytes")
    broker = start(require_keys=True, log_to=str(log), api_key=own)
    key = key_for(folder, Scope.ADMIN)
    revoked = key_for(folder, Scope.ADMIN)
    revoke(folder, revoked)
    wrong = [revoked, key[:-1] + "g", spell("f" * 12, b"canary" * 5 + b"!!"), "canary-nonsense"]
    told: list[Any] = []
    for presented in (key, *wrong):
        for method, path in (
            ("GET", "/v1/messages"),
            ("POST", "/v1/messages"),
            ("POST", "/v1/messages?dry_run=true"),
            ("GET", "/v1/settings"),
            ("GET", "/metrics"),
            ("GET", "/v1/nothing"),
            ("DELETE", "/v1/subscribers/nobody"),
        ):
            answer = broker.http.request(method, path, json={}, headers=bearer(presented))
            told.append((answer.text, dict(answer.headers)))
    broker.http.put("/v1/subscribers/ada", json={"name": "Ada"}, headers=bearer(key))
    made = broker.http.post("/v1/subscribers/ada/link", headers=bearer(key)).json()["url"]
    token = made.partition("link=")[2]
    for link in (made, f"{made}canary", "/sub?link=canary"):
        broker.http.get(link)
        broker.http.post(link, data={"id": "ada", "name": ""})
    broker.raw(
        b"GET /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: \xff canary\r\n\r\n"
    )
    broker.raw(b"Authorization: canary\r\n\r\n")
    broker.stop()
    searched = json.dumps(told) + log.read_text()
    assert log.stat().st_size > 0
    for canary in (
        token,
        key,
        own,
        *wrong,
        key.rpartition("_")[2],
        revoked.rpartition("_")[2],
        "canary",
    ):
        assert canary not in searched
    stored = b"".join(path.read_bytes() for path in folder.iterdir())
    assert key.rpartition("_")[2].encode() not in stored
