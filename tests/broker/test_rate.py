"""How often one caller may ask, and what each is told about it."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from notefly.bootstrap import make_container
from notefly.broker.app import BrokerApp, create_app
from notefly.broker.door import CALLER, Caller
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.problems import TooManyLines, TooManyRequests
from notefly.broker.rate_limit import Counters, RateLimit, who
from notefly.config import Settings
from notefly.domain.access import ANYBODY, Principal
from notefly.domain.errors import KeyRefused
from tests.broker.service import Broker, ndjson
from tests.support.time import VirtualClock

GOAL = {"category": "sports", "body": "x"}
HOST = {"Host": "localhost"}
ITEM = re.compile(r'"requests";r=(\d+);t=(\d+)')


def scope(address: str, path: str = "/v1/messages") -> Mapping[str, Any]:
    return {"path": path, "client": (address, 1)}


def spent(rate: RateLimit, address: str, times: int) -> int:
    """How many of so many requests were let through."""
    turns = [rate.turn(scope(address)) for _ in range(times)]
    return sum(_allowed(turn) for turn in turns)


def _allowed(turn: Any) -> bool:
    try:
        turn.begin()
    except TooManyRequests:
        return False
    return True


def test_each_caller_has_a_window_of_its_own() -> None:
    clock = VirtualClock()
    rate = RateLimit("3/minute", clock)
    assert spent(rate, "192.0.2.1", 5) == 3
    clock.advance(30)
    assert spent(rate, "192.0.2.2", 2) == 2
    assert spent(rate, "192.0.2.1", 1) == 0
    clock.advance(30)
    assert spent(rate, "192.0.2.1", 5) == 3
    assert spent(rate, "192.0.2.2", 2) == 1


def test_who_is_refused_is_told_when_to_come_back() -> None:
    clock = VirtualClock()
    rate = RateLimit("1/minute", clock)
    spent(rate, "192.0.2.1", 1)
    clock.advance(14.5)
    turn = rate.turn(scope("192.0.2.1"))
    assert turn is not None
    with pytest.raises(TooManyRequests, match="more than 1 in 60 s") as caught:
        turn.begin()
    assert caught.value.retry_after_seconds == 46
    assert rate.fields("192.0.2.1") == (
        (b"ratelimit-policy", b'"requests";q=1;w=60'),
        (b"ratelimit", b'"requests";r=0;t=46'),
    )
    clock.advance(46)
    turn.begin()


def test_lines_are_requests() -> None:
    clock = VirtualClock()
    rate = RateLimit("10/second", clock)
    turn = rate.turn(scope("192.0.2.1"))
    assert turn is not None
    with pytest.raises(TooManyLines, match="11 lines are more than the 10 requests"):
        turn.lines(11)
    turn.begin()
    turn.lines(8)
    with pytest.raises(TooManyRequests):
        turn.lines(4)
    turn.lines(3)
    assert rate.fields("192.0.2.1")[1][1].startswith(b'"requests";r=0;')


def test_probes_are_never_told_to_wait() -> None:
    rate = RateLimit("1/day", VirtualClock())
    for path in ("/healthz", "/readyz"):
        assert rate.turn(scope("192.0.2.1", path)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_who_is_one_caller(one: str, other: str, same: bool) -> None:
    assert (who(scope(one)) == who(scope(other))) is same


def test_a_key_is_one_caller_wherever_it_is_used_and_a_refused_one_is_an_address() -> None:
    def by(caller: Caller, address: str) -> str:
        return who({**scope(address), CALLER: caller})

    key = Caller(Principal("0123456789ab", frozenset()))
    refused = Caller(None, KeyRefused("it was revoked"))
    assert by(key, "192.0.2.1") == by(key, "192.0.2.2")
    assert by(key, "192.0.2.1") != by(Caller(Principal("other", frozenset())), "192.0.2.1")
    for nobody in (refused, Caller(ANYBODY)):
        assert by(nobody, "192.0.2.1") == who(scope("192.0.2.1"))


def test_a_caller_without_an_address_is_one_caller_too() -> None:
    assert who({}) == who({"client": None}) == ""


class TestCounters:
    """Many addresses take no more memory than is set aside for them."""

    def test_windows_that_ended_are_dropped(self) -> None:
        clock = VirtualClock()
        counters = Counters(clock, most=1_000)
        for number in range(5_000):
            assert counters.incr(f"a{number}", 60) == 1
            clock.advance(1)
            assert len(counters) <= 61

    def test_the_oldest_goes_when_there_are_too_many(self) -> None:
        clock = VirtualClock()
        counters = Counters(clock, most=100)
        for number in range(250):
            counters.incr(f"a{number}", 60, 7)
            clock.advance(0.001)
        assert len(counters) == 100
        assert (counters.get("a149"), counters.get("a150"), counters.get("a249")) == (0, 7, 7)

    def test_a_busy_caller_is_not_dropped_with_its_window_open(self) -> None:
        clock = VirtualClock()
        counters = Counters(clock)
        for _ in range(100):
            counters.incr("busy", 60)
            counters.incr(f"once {clock.advance(0.1)}", 60)
        assert counters.get("busy") == 100
        clock.advance(50)
        assert counters.get("busy") == 0
        assert counters.incr("busy", 60) == 1

    def test_it_is_what_the_library_asks_for(self) -> None:
        clock = VirtualClock()
        counters = Counters(clock)
        counters.incr("a", 60)
        assert counters.check()
        assert counters.get_expiry("a") == clock.monotonic() + 60
        assert counters.get_expiry("b") == clock.monotonic()
        counters.clear("a")
        assert counters.get("a") == 0
        counters.incr("a", 60)
        assert counters.reset() == 1
        assert len(counters) == 0


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[BrokerApp]:
    """The application with a limit of four requests an hour."""
    settings = Settings(data_dir=tmp_path / "data", mocks=False, rate_limit="4/hour")
    container = make_container(settings)
    yield await create_app(container, settings, Lifecycle())
    await container.close()


async def test_every_answer_says_how_much_is_left(limited: BrokerApp) -> None:
    client = limited.test_client()
    json_body = {"Content-Type": "application/json"} | HOST
    asked = [
        await client.post("/v1/messages", data=json.dumps(GOAL), headers=json_body),
        await client.post("/v1/messages?dry_run=true", data=json.dumps(GOAL), headers=json_body),
        await client.get("/v1/nothing", headers=HOST),
        await client.get("/sub", headers=HOST),
        await client.post("/v1/messages", data=json.dumps(GOAL), headers=json_body),
        await client.get("/v1/messages", headers=HOST),
    ]
    assert [answer.status_code for answer in asked] == [202, 200, 404, 200, 429, 429]
    for answer, left in zip(asked, (3, 2, 1, 0, 0, 0), strict=True):
        assert answer.headers["RateLimit-Policy"] == '"requests";q=4;w=3600'
        told = ITEM.fullmatch(answer.headers["RateLimit"])
        assert told is not None
        assert int(told[1]) == left
        assert 3_590 <= int(told[2]) <= 3_600
    refused = await asked[4].get_json()
    assert (refused["code"], refused["status"]) == ("too-many-requests", 429)
    assert 3_590 <= int(asked[4].headers["Retry-After"]) <= 3_600
    assert asked[4].headers["Content-Type"] == "application/problem+json"
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path, headers=HOST)
        assert answer.status_code != 429
        assert "RateLimit" not in answer.headers


async def test_a_foreign_host_costs_nobody_anything(limited: BrokerApp) -> None:
    client = limited.test_client()
    for _ in range(9):
        answer = await client.get("/v1/messages", headers={"Host": "evil.example"})
        assert answer.status_code == 421
    assert (await client.get("/v1/messages", headers=HOST)).status_code == 200


def test_through_http(start: Callable[..., Broker]) -> None:
    broker = start(rate_limit="20/day")
    # What the test's own start has cost.
    first = broker.call("GET", "/v1/messages")
    left = int(str(ITEM.fullmatch(first.headers["RateLimit"])[1]))  # type: ignore[index]
    lines = {"Content-Type": "application/x-ndjson"}
    for path, one, status in (
        ("/v1/messages", GOAL, 202),
        ("/v1/subscribers", {"name": "x"}, 201),
    ):
        answer = broker.call("POST", path, content=ndjson(*[one] * 5), headers=lines)
        left -= 5
        assert answer.status_code == status
        assert answer.headers["RateLimit"].startswith(f'"requests";r={left};')
    never = broker.call("POST", "/v1/messages", content=ndjson(*[GOAL] * 21), headers=lines)
    assert (never.status_code, never.json()["code"]) == (413, "too-many-lines")
    left -= 1
    more = ndjson(*[GOAL] * (left + 1))
    refused = broker.call("POST", "/v1/messages", content=more, headers=lines)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 80_000
    assert len(broker.get("/v1/messages")["items"]) == 5
    for _ in range(left - 2):
        assert broker.call("POST", "/v1/messages", json=GOAL).status_code == 202
    assert broker.call("POST", "/v1/messages", json=GOAL).status_code == 429
    assert broker.call("GET", "/readyz").status_code == 200


def test_on_loopback_there_is_none_unless_it_is_set(shared: Broker) -> None:
    assert "RateLimit" not in shared.call("GET", "/v1/messages").headers
