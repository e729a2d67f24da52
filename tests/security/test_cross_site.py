"""Pages of other origins change nothing and read nothing, whatever the route."""

from collections.abc import Mapping

import pytest

from tests.broker.service import Broker
from tests.security.doors import Door, ask, strangers

HOST = b"Host: localhost:5001"
ELSEWHERE: list[tuple[bytes, ...]] = [
    (b"Origin: http://evil.test",),
    (b"Origin: null",),
    (b"Origin: http://localhost:5002",),
    (b"Origin: http://localhost",),
    (b"Origin: http://localhost:5001.evil.test",),
    (b"Origin: http://localhost:5001@evil.test",),
    (b"Origin: ftp://localhost:5001",),
    (b"Origin: http://127.0.0.1:5001",),
    (b"Sec-Fetch-Site: cross-site",),
    (b"Sec-Fetch-Site: same-site",),
    (b"Sec-Fetch-Site: cross-site", b"Origin: http://localhost:5001"),
    (b"Sec-Fetch-Site: none", b"Origin: http://evil.test"),
]


def standing(broker: Broker) -> dict[str, object]:
    """What the store holds, as far as a foreign page could have changed it."""
    stats = broker.get("/v1/stats")
    return {
        "messages": stats["messages"],
        "subscribers": broker.get("/v1/subscribers", limit=1000)["items"],
        "channels": broker.get("/v1/channels")["items"],
    }


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_no_route_that_changes_something_takes_it_from_another_origin(
    services: Mapping[str, str], doors: list[Door], guarded: Broker, headers: tuple[bytes, ...]
) -> None:
    before, tried = standing(guarded), 0
    for door in doors:
        if door.changes:
            answer = ask(services[door.service], door.request(HOST, *headers))
            assert answer.status == 403, (door, answer)
            tried += 1
    assert tried > 12
    assert standing(guarded) == before


def test_no_route_lets_another_origin_read(services: Mapping[str, str], doors: list[Door]) -> None:
    asking = (
        b"Origin: http://evil.test",
        b"Access-Control-Request-Method: POST",
        b"Access-Control-Request-Headers: content-type, authorization",
        b"Access-Control-Request-Private-Network: true",
    )
    for door in doors:
        simple = ask(services[door.service], door.request(HOST, asking[0]))
        assert strangers(simple.headers) == [], door
        preflight = Door(door.service, "OPTIONS", door.path)
        lines = preflight.request(HOST, *asking).partition(b"Content-Type")[0] + b"\r\n"
        answer = ask(services[door.service], lines)
        assert answer.status == (200 if "/static/" in door.path else 405), door
        assert strangers(answer.headers) == [], door
