"""What a browser may be made to do, and cannot."""

from collections.abc import Callable
from pathlib import Path

import pytest

from notefly.bootstrap import make_container
from notefly.broker.app import create_app
from notefly.broker.guard import Guard
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.problems import CrossSite, WrongHost
from notefly.config import Settings
from tests.broker.service import Broker

GOAL = {"category": "sports", "body": "x"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:5001",
        "[::1]",
        "[::1]:5001",
        "a.example",
        "[::2]:1",
    ],
)
def test_own_hosts(host: str) -> None:
    assert Guard(["a.example", "::2"]).refusal("POST", {b"host": host.encode()}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "localhost:1:2",
        "localhost:",
        "localhost:123456",
        "127.0.0.2",
        "127.0.0.1.nip.io",
        "aXexample",
        "user@localhost",
        "localhost ",
        "0x7f.1",
    ],
)
def test_foreign_hosts(host: str) -> None:
    for method in ("GET", "POST"):
        refused = Guard(["a.example"]).refusal(method, {b"host": host.encode()})
        assert isinstance(refused, WrongHost)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({b"sec-fetch-site": b"same-origin"}, True),
        ({b"sec-fetch-site": b"none"}, True),
        ({b"sec-fetch-site": b"same-site"}, False),
        ({b"sec-fetch-site": b"cross-site"}, False),
        ({b"sec-fetch-site": b""}, False),
        ({b"origin": b"http://localhost:5001"}, True),
        ({b"origin": b"https://LOCALHOST:5001"}, True),
        ({b"origin": b"http://localhost:5000"}, False),
        ({b"origin": b"http://localhost"}, False),
        ({b"origin": b"null"}, False),
        ({b"origin": b""}, False),
        ({b"origin": b"http://evil.example"}, False),
        ({b"origin": b"http://localhost:5001", b"sec-fetch-site": b"cross-site"}, False),
        ({b"origin": b"null", b"sec-fetch-site": b"same-origin"}, False),
    ],
)
def test_changes_from_pages(headers: dict[bytes, bytes], allowed: bool) -> None:
    given = {b"host": b"localhost:5001", **headers}
    guard = Guard([])
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = guard.refusal(method, given)
        assert refused is None if allowed else isinstance(refused, CrossSite)
    assert guard.refusal("GET", given) is None


def test_through_http(shared: Broker) -> None:
    evil = shared.call("GET", "/v1/messages", headers={"Host": "evil.example"})
    assert (evil.status_code, evil.json()["code"]) == (421, "wrong-host")
    cross = {"Origin": "http://evil.example"}
    for method, path in (
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages?dry_run=true"),
        ("DELETE", "/v1/subscribers/x"),
        ("POST", "/sub"),
    ):
        response = shared.call(method, path, headers=cross)
        assert (response.status_code, response.json()["code"]) == (403, "cross-site")


def test_listed_hosts(start: Callable[..., Broker]) -> None:
    broker = start(allowed_hosts=["notefly.example"])
    for host in ("notefly.example", "notefly.example:443", "localhost"):
        assert broker.call("GET", "/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"),
        ("GET", "/v1/messages"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages?dry_run=true"),
        ("GET", "/nothing"),
        ("GET", "/sub"),
        ("GET", "/docs"),
        ("GET", "/static/sub.css"),
        ("GET", "/metrics"),
    ],
)
def test_headers_on_everything(shared: Broker, method: str, path: str) -> None:
    headers = shared.http.request(method, path, json=GOAL if method == "POST" else None).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not any(name.lower().startswith("access-control") for name in headers)
    assert "server" not in headers


def test_a_preflight_is_refused(shared: Broker) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    response = shared.call("OPTIONS", "/v1/messages", headers=headers)
    assert response.status_code == 405
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_secrets_are_masked(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path,
        mocks=False,
        queue="nats://me:very-secret@x",
        allowed_hosts=("x.example",),
    )
    container = make_container(settings)
    app = await create_app(container, settings, Lifecycle())
    response = await app.test_client().get("/v1/settings", headers={"Host": "localhost"})
    shown = {one["name"]: one["value"] for one in (await response.get_json())["items"]}
    await container.close()
    assert "very-secret" not in str(shown)
    assert shown["queue"] == "nats://me:****@x"
    assert shown["allowed_hosts"] == ["x.example"]
    assert shown["mocks"] is False
    assert shown["data_dir"] == str(tmp_path)
