"""Every answer says what a browser may do with it, errors and what is no HTTP included."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from notefly.bootstrap import make_container
from notefly.broker.app import create_app as create_broker
from notefly.broker.lifecycle import Lifecycle
from notefly.client.app import create_app as create_console
from notefly.client.injection import Stopping
from notefly.config import Settings
from tests.security.doors import Door, Head, ask

HOST = b"Host: localhost"
SECRET = "a word that only this machine knows"  # what an error may hold, and an answer may not


def safe(headers: Mapping[str, str]) -> None:
    """What every answer has that a browser could show, run or embed."""
    policy = dict(part.strip().partition(" ")[::2] for part in _policy(headers).split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in _policy(headers)
    assert headers["x-content-type-options"] == "nosniff"


def _policy(headers: Mapping[str, str]) -> str:
    return headers["content-security-policy"]


def safe_to_open(headers: Mapping[str, str]) -> None:
    """And what can be opened in a window, or kept."""
    safe(headers)
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "cache-control" in headers


def test_every_route(services: Mapping[str, str], doors: list[Door]) -> None:
    for door in doors:
        headers = ask(services[door.service], door.request(HOST)).headers
        (safe_to_open if door.method == "GET" else safe)(headers)
        assert "server" not in headers


@pytest.mark.parametrize("service", ["broker", "console"])
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((b"GET /nowhere HTTP/1.1", HOST), 404),
        ((b"GET /pub/ HTTP/1.1", HOST), 404),
        ((b"PUT /healthz HTTP/1.1", HOST), 405),
        ((b"GET / HTTP/1.1", b"Host: evil.test"), 421),
        ((b"POST / HTTP/1.1", HOST, b"Origin: null"), 403),
        ((b"GARBAGE",), 400),
        ((b"GET / HTTP/1.1",), 400),
    ],
)
def test_every_refusal(
    services: Mapping[str, str], service: str, lines: tuple[bytes, ...], status: int
) -> None:
    answer = ask(services[service], b"\r\n".join(lines) + b"\r\n\r\n")
    assert answer.status == status
    if b"GET" in lines[0]:
        safe_to_open(answer.headers | {"cache-control": "no-store"})
    safe(answer.headers)


@pytest.mark.parametrize(
    ("service", "path"), [("broker", b"/sub"), ("broker", b"/v1/messages"), ("console", b"/pub")]
)
def test_what_is_too_large(services: Mapping[str, str], service: str, path: bytes) -> None:
    kind = b"application/json" if b"v1" in path else b"application/x-www-form-urlencoded"
    head = (b"POST " + path + b" HTTP/1.1", HOST, b"Content-Type: " + kind)
    answer = ask(services[service], b"\r\n".join((*head, b"Content-Length: 99999999", b"", b"")))
    assert answer.status == 413
    safe(answer.headers)


async def _broken(**_: object) -> str:
    raise RuntimeError(f"no such thing: {SECRET}")


async def test_what_goes_wrong_inside_the_broker(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mocks=False)
    container = make_container(settings)
    app = await create_broker(container, settings, Lifecycle())
    app.view_functions |= dict.fromkeys(app.view_functions, _broken)
    for path in ("/sub", "/docs", "/v1/messages", "/metrics"):
        answer = await app.test_client().get(path, headers={"Host": "localhost"})
        _is_a_safe_500(Head(answer.status_code, dict(answer.headers.items())))
        assert SECRET not in await answer.get_data(as_text=True)
    await container.close()


async def test_what_goes_wrong_inside_the_console() -> None:
    app = create_console(Settings(), Stopping(asyncio.Event()))
    app.view_functions |= dict.fromkeys(app.view_functions, _broken)
    for path in ("/pub", "/activity", "/messages/x", "/docs"):
        answer = await app.test_client().get(path, headers={"Host": "localhost"})
        _is_a_safe_500(Head(answer.status_code, dict(answer.headers.items())))
        assert SECRET not in await answer.get_data(as_text=True)


def _is_a_safe_500(answer: Head) -> None:
    assert answer.status == 500
    safe_to_open({name.lower(): value for name, value in answer.headers.items()})
