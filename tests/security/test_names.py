"""No route answers under a name that is not ours: a page cannot rebind its own name to reach one.

Over raw sockets, because a library would mend what it sends.
"""

from collections.abc import Mapping

import pytest

from tests.security.doors import GOAL, Door, ask

FOREIGN = [
    b"evil.test",
    b"evil.test:5001",
    b"localhost.evil.test",
    b"localhost.",
    b"127.0.0.1.",
    b"127.0.0.1.evil.test",
    b"user@localhost",
    b"localhost@evil.test",
    b"localhost:5001@evil.test",
    b"evil.test@localhost:5001",
    b"127.0.0.2",
    b"127.1",
    b"0x7f.1",
    b"2130706433",
    b"0.0.0.0",
    b"[::]",
    b"::1",
    b"[::1",
    b"[::1]evil.test",
    b"[0:0:0:0:0:0:0:1]",
    b"[::ffff:127.0.0.1]",
    b"[::1%25lo]",
    b"localhost:",
    b"localhost:-1",
    b"localhost:1:2",
    b"localhost:123456",
    b"localhost:5001,evil.test",
    b"localhost evil.test",
    b"localhost/evil.test",
    b"localhost#evil.test",
    b"http://localhost",
    "l\u043ecalhost".encode(),
    "①②⑦.0.0.1".encode(),
    b"",
]
NO_HOST_AT_ALL: list[tuple[bytes, ...]] = [
    (),
    (b"Host: localhost", b"Host: localhost"),
    (b"Host: localhost", b"Host: evil.test"),
    (b"Host: evil.test", b"HOST: localhost"),
    (b"Host : localhost",),
    (b"X-Forwarded-Host: localhost",),
]


def test_every_route_is_known(doors: list[Door]) -> None:
    """Static files, probes, streams, both lanes of publishing and both pages of a subscriber."""
    known = {(door.service, door.method, door.path) for door in doors}
    assert {
        ("broker", "POST", "/v1/messages"),
        ("broker", "GET", "/v1/events"),
        ("broker", "GET", "/healthz"),
        ("broker", "GET", "/sub"),
        ("broker", "POST", "/sub"),
        ("broker", "GET", "/static/sub.css"),
        ("broker", "HEAD", "/static/sub.css"),
        ("console", "POST", "/pub"),
        ("console", "GET", "/events"),
        ("console", "GET", "/static/console.css"),
    } <= known
    assert len(known) == len(doors) > 60


@pytest.mark.parametrize("host", FOREIGN[:3])
def test_no_route_answers_to_a_foreign_name(
    services: Mapping[str, str], doors: list[Door], host: bytes
) -> None:
    for door in doors:
        answer = ask(services[door.service], door.request(b"Host: " + host))
        assert answer.status == 421, (door, answer)


@pytest.mark.parametrize("host", FOREIGN)
def test_every_kind_of_foreign_name(
    services: Mapping[str, str], doors: list[Door], host: bytes
) -> None:
    """At one route of each method, and at the lane that is not Quart's."""
    some = {(door.service, door.method): door for door in doors}.values()
    for door in (*some, Door("broker", "POST", "/v1/messages")):
        answer = ask(services[door.service], door.request(b"Host: " + host))
        assert answer.status == 421, (door, answer)


@pytest.mark.parametrize("headers", NO_HOST_AT_ALL)
def test_a_request_has_one_host(
    services: Mapping[str, str], doors: list[Door], headers: tuple[bytes, ...]
) -> None:
    for door in doors:
        answer = ask(services[door.service], door.request(*headers))
        assert answer.status == 400, (door, answer)


@pytest.mark.parametrize("authority", [b"evil.test", b"localhost@evil.test"])
def test_a_target_that_is_a_whole_url_overrules_the_header(
    services: Mapping[str, str], doors: list[Door], authority: bytes
) -> None:
    for door in doors:
        path = door.path.encode()
        foreign = door.request(b"Host: localhost", target=b"http://" + authority + path)
        assert ask(services[door.service], foreign).status == 421, door
        own = door.request(b"Host: " + authority, target=b"HTTP://localhost" + path)
        assert ask(services[door.service], own).status != 421, door


@pytest.mark.parametrize("service", ["broker", "console"])
def test_a_trailer_is_no_header(services: Mapping[str, str], service: str) -> None:
    """It would otherwise come after every check that was made of the headers, or before it."""
    for path in (b"/v1/messages", b"/v1/messages?dry_run=false", b"/pub"):
        chunked = b"%x\r\n%s\r\n0\r\nHost: localhost\r\n\r\n" % (len(GOAL), GOAL)
        head = b"POST " + path + b" HTTP/1.1\r\nHost: evil.test\r\nTransfer-Encoding: chunked\r\n"
        json = b"Content-Type: application/json\r\n\r\n"
        assert ask(services[service], head + json + chunked).status == 421


@pytest.mark.parametrize("host", [b"localhost", b"127.0.0.1:1", b"[::1]:5001", b"LOCALHOST:5000"])
def test_our_own_names(services: Mapping[str, str], host: bytes) -> None:
    for url in services.values():
        request = b"GET /healthz HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        assert ask(url, request).status == 200
