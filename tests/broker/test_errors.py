"""Every class of error is problem+json, and nothing that a caller sends makes a 5xx."""

import json
from collections.abc import Callable

import pytest

from tests.broker.service import Broker, assert_problem, pointers

JSON = {"Content-Type": "application/json"}
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"   ",
    "word": b"null",
    "text": b'"text"',
    "number": b"7",
    "list": b"[]",
    "half": b'{"category":',
    "trailing": b'{"category":"sports","body":"x"} x',
    "two": b'{"category":"sports","body":"x"}{"category":"sports","body":"x"}',
    "comment": b'{"category":"sports"} // yes',
    "single quotes": b"{'category':'sports'}",
    "byte order mark": b'\xef\xbb\xbf{"category":"sports","body":"x"}',
    "UTF-16": '{"category":"sports","body":"x"}'.encode("utf-16"),
    "UTF-32": '{"category":"sports","body":"x"}'.encode("utf-32-le"),
    "overlong": b'{"category":"sports","body":"\xc0\x80"}',
    "encoded surrogate": b'{"category":"sports","body":"\xed\xa0\x80"}',
    "raw control": b'{"category":"sports","body":"a\x01b"}',
    "raw newline": b'{"category":"sports","body":"a\nb"}',
    "NaN": b'{"category":"sports","body":NaN}',
    "Infinity": b'{"category":"sports","body":-Infinity}',
    "bare NaN": b"NaN",
    "deep lists": b"[" * 10_000 + b"]" * 10_000,
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deep and open": b"[" * 200_000,
    "just too deep": b'{"category":"sports","body":' + b"[" * 64 + b"]" * 64 + b"}",
    "brackets in text": b'{"category":"sports","body":7,"title":"' + b"[" * 9_000 + b'"}',
    "lone high": b'{"category":"sports","body":"\\ud800"}',
    "lone low": b'{"category":"sports","body":"x","title":"\\udc00"}',
    "lone in category": b'{"category":"\\udfff","body":"x"}',
    "lone in a name": b'{"category":"sports","body":"x","\\ud800":1}',
    "lone deep inside": b'{"category":"sports","body":"x","y":[{"z":["\\ud800"]}]}',
    "NUL": b'{"category":"sports","body":"\\u0000"}',
    "NUL in title": b'{"category":"sports","body":"x","title":"a\\u0000b"}',
    "CRLF in title": b'{"category":"sports","body":"x","title":"a\\r\\nBcc: b@example.org"}',
    "long number": b'{"category":"sports","body":' + b"9" * 100_000 + b"}",
    "huge exponent": b'{"category":"sports","body":1e999999}',
    "wrong types": b'{"category":[],"body":{},"title":7,"expires_at":[]}',
    "long name": b'{"' + b"x" * 100_000 + b'":1}',
    "many names": b"{" + b",".join(b'"%d":0' % n for n in range(20_000)) + b"}",
    "backslashes": b'{"category":"sports","body":"' + b"\\" * 100_001 + b'"}',
}
NEEDS_422 = {"NUL", "NUL in title", "CRLF in title", "lone high", "lone low", "many names"}
NEEDS_400 = {"nothing", "NaN", "UTF-16", "overlong", "deep lists", "deep objects", "just too deep"}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?dry_run=false"])
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_messages(shared: Broker, case: str, path: str) -> None:
    response = shared.call("POST", path, content=HOSTILE[case], headers=JSON)
    assert response.status_code in (400, 422), response.text
    assert response.status_code == 400 or case not in NEEDS_400
    assert response.status_code == 422 or case not in NEEDS_422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/subscribers"),
        ("PUT", "/v1/subscribers/hostile"),
        ("PATCH", "/v1/subscribers/hostile"),
        ("PUT", "/v1/subscribers/hostile/preferences"),
        ("POST", "/v1/subscribers/hostile/test"),
        ("POST", "/v1/deliveries/hostile/replay"),
        ("POST", "/v1/dead-letters/replay"),
        ("POST", "/sub/check"),
    ],
)
def test_hostile_bodies_elsewhere(shared: Broker, method: str, path: str) -> None:
    for case, body in HOSTILE.items():
        response = shared.call(method, path, content=body, headers=JSON)
        assert response.status_code in (400, 404, 422), (case, response.text)
    assert shared.call("GET", "/v1/subscribers/hostile").status_code == 404


def test_hostile_lines(shared: Broker) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    for path in ("/v1/messages", "/v1/subscribers"):
        for case, body in HOSTILE.items():
            response = shared.call("POST", path, content=body, headers=headers)
            assert response.status_code in (400, 422), (case, response.text)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/messages/", "/v1//messages", "/v2/x"])
def test_404(shared: Broker, path: str) -> None:
    response = shared.call("GET", f"{shared.url}{path}")
    assert response.status_code == 404
    assert response.json()["code"] == "not-found"


@pytest.mark.parametrize(
    "strange",
    [
        "nobody",
        "a b",
        "%00",
        "%FF%FE",
        "%ED%A0%80",
        "x" * 5_000,
        "%F0%9F%92%A9",
        "..",
        "1",
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000.sms.1",
        "00000000-0000-0000-0000-000000000000.sms.99999999999999999999999",
        "00000000-0000-0000-0000-000000000000.nope.1",
        "%3Cscript%3E",
    ],
)
def test_ids_of_any_shape_are_not_found(shared: Broker, strange: str) -> None:
    for method, path in (
        ("GET", "/v1/messages/{}"),
        ("POST", "/v1/messages/{}/cancel"),
        ("GET", "/v1/deliveries/{}"),
        ("POST", "/v1/deliveries/{}/replay"),
        ("GET", "/v1/subscribers/{}"),
        ("DELETE", "/v1/subscribers/{}"),
        ("GET", "/v1/subscribers/{}/preferences"),
        ("POST", "/v1/subscribers/{}/test"),
        ("POST", "/v1/channels/{}/pause"),
    ):
        answered = (
            shared.raw(
                f"{method} {path.format(strange)} HTTP/1.1\r\nHost: localhost\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            if " " not in strange
            else b"HTTP/1.1 404"
        )
        assert answered.startswith(b"HTTP/1.1 404"), (method, path, answered[:400])


def test_405_says_what_is_allowed(shared: Broker) -> None:
    response = shared.call("DELETE", "/v1/messages")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))
    assert shared.call("OPTIONS", "/v1/messages").status_code == 405


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "text/json", None, "nonsense"])
def test_415(shared: Broker, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    for method, path in (("POST", "/v1/messages"), ("PUT", "/v1/subscribers/x")):
        response = shared.call(method, path, content=b"{}", headers=headers)
        assert response.status_code == 415
        assert "application/json" in response.json()["detail"]


def test_413(shared: Broker) -> None:
    large = json.dumps({"name": "x" * 262_144})
    for method, path in (("POST", "/v1/messages"), ("PUT", "/v1/subscribers/x")):
        response = shared.call(method, path, content=large, headers=JSON)
        assert response.status_code == 413


def test_409(shared: Broker) -> None:
    shared.put("taken", name="First")
    response = shared.call("POST", "/v1/subscribers", json={"id": "taken", "name": "Second"})
    assert response.status_code == 409
    assert response.json()["code"] == "conflict"
    assert shared.get("/v1/subscribers/taken")["name"] == "First"


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=ten", "/limit"),
        ("limit=", "/limit"),
        ("limit=1&limit=2", "/limit"),
        ("cursor=", "/cursor"),
        ("cursor=nonsense", "/cursor"),
        ("cursor=%00", "/cursor"),
        ("cursor=" + "A" * 513, "/cursor"),
        ("cursor=AAAAAAAAAAA", None),
        ("limti=5", "/limti"),
        ("%ff=1", "/%FF"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/deliveries", "/v1/subscribers"])
def test_queries(shared: Broker, path: str, asked: str, where: str | None) -> None:
    response = shared.call("GET", f"{path}?{asked}")
    if where is None:
        assert response.status_code in (200, 422)
    else:
        assert response.status_code == 422
        assert pointers(response) == [where]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ("state=sleeping", "/state"),
        ("reason=none", "/reason"),
        ("since=yesterday", "/since"),
        ("until=2026-01-01", "/until"),
        ("since=2026-01-01T00:00:00", "/since"),
    ],
)
def test_filters(shared: Broker, asked: str, where: str) -> None:
    assert pointers(shared.call("GET", f"/v1/deliveries?{asked}")) == [where]


@pytest.mark.parametrize(
    "asked", ["message=nope", "subscriber=%00", "category=weather", "channel=fax", "subscriber="]
)
def test_filters_that_match_nothing(shared: Broker, asked: str) -> None:
    assert shared.get(f"/v1/deliveries?{asked}") == {"items": [], "next": None}


def test_many_problems_are_counted_not_all_told(shared: Broker) -> None:
    response = shared.call("POST", "/v1/messages", content=HOSTILE["many names"], headers=JSON)
    assert len(pointers(response)) == 100
    assert "more)" in response.json()["detail"]


def test_not_even_http(shared: Broker) -> None:
    answered = shared.raw(b"GARBAGE\r\n\r\n")
    head, _, body = answered.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400


def test_paused_and_unknown_channels(start: Callable[..., Broker]) -> None:
    broker = start()
    assert broker.call("POST", "/v1/channels/sms/pause").json()["paused"] is True
    assert assert_problem(broker.call("POST", "/v1/channels/fax/pause"))["status"] == 404
