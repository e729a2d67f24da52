"""The lean lane and the Quart route answer the same, byte for byte where no id or time is in it."""

import json
import re
from collections.abc import Mapping

import pytest

from notefly.broker.app import BrokerApp
from notefly.broker.lean import LeanLane
from tests.broker.service import Broker

JSON = b"application/json"
GOAL = b'{"category":"sports","body":"Goal!"}'
VARYING = re.compile(rb"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z")
LEAN = b"/v1/messages"
QUART = b"/v1/messages?dry_run=false"
CASES: Mapping[str, tuple[dict[bytes, bytes], bytes]] = {
    "accepted": ({}, GOAL),
    "charset": ({b"Content-Type": b"application/json; charset=utf-8"}, GOAL),
    "not JSON": ({}, b"{"),
    "empty": ({}, b""),
    "not UTF-8": ({}, b'{"category":"sports","body":"\xff"}'),
    "NaN": ({}, b'{"category":"sports","body":NaN}'),
    "deep": ({}, b"[" * 10_000),
    "unknown field": ({}, b'{"category":"sports","body":"x","to":"all"}'),
    "unknown category": ({}, b'{"category":"weather","body":"x"}'),
    "lone surrogate": ({}, b'{"category":"sports","body":"\\ud800"}'),
    "surrogate as a name": ({}, b'{"category":"sports","body":"x","\\udfff":1}'),
    "huge number": ({}, b'{"category":"sports","body":' + b"9" * 10_000 + b"}"),
    "no object": ({}, b'["category"]'),
    "too large": ({}, b'{"category":"sports","body":"' + b"x" * 262_144 + b'"}'),
    "bad key": ({b"Idempotency-Key": b"with space"}, GOAL),
    "empty key": ({b"Idempotency-Key": b""}, GOAL),
    "latin-1 key": ({b"Idempotency-Key": b"\xfcmlaut"}, GOAL),
    "foreign host": ({b"Host": b"evil.example"}, GOAL),
    "no host": ({b"Host": b""}, GOAL),
    "cross-site": ({b"Sec-Fetch-Site": b"cross-site"}, GOAL),
    "same-site": ({b"Sec-Fetch-Site": b"same-site"}, GOAL),
    "foreign origin": ({b"Origin": b"http://evil.example"}, GOAL),
    "null origin": ({b"Origin": b"null"}, GOAL),
    "own origin": ({b"Origin": b"http://localhost:1"}, GOAL),
    "text": ({b"Content-Type": b"text/plain"}, GOAL),
    "no type": ({b"Content-Type": b""}, GOAL),
    "latin-1 type": ({b"Content-Type": b"application/json; charset=latin-1"}, GOAL),
    "compressed": ({b"Content-Encoding": b"gzip"}, GOAL),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("chunked", [False, True])
def test_both_lanes_answer_alike(shared: Broker, case: str, chunked: bool) -> None:
    own, body = CASES[case]
    headers = {b"Host": b"localhost:1", b"Content-Type": JSON} | own
    lean = _answer(shared, LEAN, headers, body, chunked=chunked)
    quart = _answer(shared, QUART, headers, body, chunked=chunked)
    assert lean == quart
    assert lean[0] < 500


def test_replays_alike(shared: Broker) -> None:
    headers = {b"Host": b"localhost", b"Content-Type": JSON}
    for path, key in ((LEAN, b"lean"), (QUART, b"quart")):
        keyed = headers | {b"Idempotency-Key": b"replays-alike-" + key}
        first = shared.raw(_request(path, keyed, GOAL, chunked=False))
        again = [_answer(shared, lane, keyed, GOAL, chunked=False) for lane in (LEAN, QUART)]
        other = [_answer(shared, lane, keyed, b"{}", chunked=False) for lane in (LEAN, QUART)]
        assert again[0] == again[1]
        assert other[0] == other[1]
        assert json.loads(first.partition(b"\r\n\r\n")[2])["state"] == "accepted"
        assert again[0][1][b"idempotency-replayed"] == b"true"


def test_repeated_headers_go_the_long_way(shared: Broker) -> None:
    head = b"Host: localhost\r\nContent-Type: application/json\r\n"
    keys = b"Idempotency-Key: a\r\nIdempotency-Key: b\r\n"
    size = f"Content-Length: {len(GOAL)}\r\n\r\n".encode()
    answered = shared.raw(b"POST /v1/messages HTTP/1.1\r\n" + head + keys + size + GOAL)
    assert answered.startswith(b"HTTP/1.1 422")
    assert b"more than once" in answered


async def test_the_lean_lane_is_taken(app: BrokerApp, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []
    takes = LeanLane.takes

    def seen(*arguments: object) -> bool:
        taken.append(takes(*arguments))  # type: ignore[arg-type] # handed through
        return taken[-1]

    monkeypatch.setattr(LeanLane, "takes", seen)
    client = app.test_client()
    for path in (LEAN.decode(), QUART.decode()):
        await client.post(
            path, data=GOAL, headers={"Content-Type": "application/json", "Host": "localhost"}
        )
    assert taken == [True, False]


def _request(path: bytes, headers: Mapping[bytes, bytes], body: bytes, *, chunked: bool) -> bytes:
    if chunked:
        framing = {b"Transfer-Encoding": b"chunked"}
        halves = [part for part in (body[: len(body) // 2], body[len(body) // 2 :]) if part]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in halves) + b"0\r\n\r\n"
    else:
        framing, sent = {b"Content-Length": b"%d" % len(body)}, body
    lines = b"".join(b"%b: %b\r\n" % line for line in {**headers, **framing}.items())
    return b"POST %b HTTP/1.1\r\n%b\r\n%b" % (path, lines, sent)


def _answer(
    broker: Broker, path: bytes, headers: Mapping[bytes, bytes], body: bytes, *, chunked: bool
) -> tuple[int, dict[bytes, bytes], bytes]:
    answered = broker.raw(_request(path, headers, body, chunked=chunked))
    head, _, content = answered.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    found = dict(line.lower().split(b": ", 1) for line in lines)
    del found[b"date"]
    if b"location" in found:
        found[b"location"] = VARYING.sub(b"*", found[b"location"])
    return int(status.split()[1]), found, VARYING.sub(b"*", content)
