"""Live streams: resumed where they were left, told when something was missed, never held up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import pytest

from notefly.broker.answers import CONNECTION
from notefly.broker.app import BrokerApp
from notefly.broker.following import EventsWanted, FollowEvents, Following
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.pulse import Beat, Pulse, Shared
from notefly.domain.log import Event
from tests.broker.conftest import QUICK
from tests.broker.lines import OpenLine
from tests.broker.service import Broker


@pytest.fixture
def broker(start: Callable[..., Broker]) -> Broker:
    broker = start()
    broker.put(
        "fan",
        name="Fan",
        phone="+12025550123",
        email="fan@example.org",
        categories=["sports", "movies"],
        channels=["sms", "email"],
        overrides={"movies": ["email"]},
    )
    broker.put("other", name="Other", email="o@example.org", categories=["finance"])
    return broker


class TestEvents:
    """GET /v1/events."""

    def test_from_now_on(self, broker: Broker) -> None:
        broker.done(broker.publish(category="sports", body="before")["id"])
        with broker.stream("/v1/events") as events:
            accepted = broker.publish(category="sports", body="x")
            seen = [next(events) for _ in range(2)]
        assert {event["data"]["message_id"] for event in seen} == {accepted["id"]}
        assert {event["data"]["channel"] for event in seen} == {"sms", "email"}
        for event in seen:
            assert "event" not in event
            assert int(event["id"]) == event["data"]["id"]
            assert (event["data"]["state"], event["data"]["count"]) == ("delivered", 1)

    def test_resumed_without_gap_or_repetition(self, broker: Broker) -> None:
        for n in range(6):
            broker.done(broker.publish(category="sports", body=str(n))["id"])
        with broker.stream("/v1/events", after=0) as events:
            every = [next(events)["id"] for _ in range(12)]
        assert every == sorted(every, key=int)
        assert len(set(every)) == 12
        with broker.stream("/v1/events", last=every[4]) as events:
            assert [next(events)["id"] for _ in range(7)] == every[5:]

    def test_survives_a_restart(self, start: Callable[..., Broker], broker: Broker) -> None:
        broker.done(broker.publish(category="sports", body="x")["id"])
        with broker.stream("/v1/events", after=0) as events:
            first, second = next(events), next(events)
        broker.stop()
        again = start()
        with again.stream("/v1/events", last=first["id"]) as events:
            assert next(events) == second

    @pytest.mark.parametrize("last", ["999999", "-1", "nonsense", "9" * 40])
    def test_reset_for_what_is_not_kept(self, broker: Broker, last: str) -> None:
        with broker.stream("/v1/events", last=last) as events:
            told = next(events)
            assert told["event"] == "reset"
            assert int(told["id"]) == told["data"]["last"]
            accepted = broker.publish(category="sports", body="x")
            assert next(events)["data"]["message_id"] == accepted["id"]

    @pytest.mark.parametrize("after", ["-1", "x", "9" * 40])
    def test_bad_place_in_the_query(self, shared: Broker, after: str) -> None:
        assert shared.call("GET", "/v1/events", params={"after": after}).status_code == 422

    def test_chaos_is_told_as_it_is_turned(self, broker: Broker) -> None:
        with broker.stream("/v1/events", channel="email") as events:
            for dials, told in (({"sms": {"failure_rate": 1}}, ["sms"]), ({}, [])):
                broker.call("PUT", "/v1/chaos", json={"channels": dials})
                event = next(events)
                assert (event["event"], event["data"]) == ("chaos", {"channels": told})

    def test_filters(self, broker: Broker) -> None:
        broker.done(broker.publish(category="sports", body="x")["id"])
        wanted = broker.publish(category="movies", body="x")
        broker.done(wanted["id"])
        for asked in ({"category": "movies"}, {"message": wanted["id"]}):
            with broker.stream("/v1/events", after=0, **asked) as events:
                assert next(events)["data"]["message_id"] == wanted["id"]
        with broker.stream("/v1/events", after=0, channel="sms") as events:
            assert next(events)["data"]["channel"] == "sms"


class TestMessages:
    """GET /sub with Accept: text/event-stream."""

    def test_from_the_very_first_on(self, broker: Broker) -> None:
        with broker.stream("/sub") as messages:
            accepted = broker.publish(category="finance", title="T", body="first ever")
            told = next(messages)
        assert told["id"] == told["data"]["id"] == accepted["id"]
        assert (told["data"]["title"], told["data"]["body"]) == ("T", "first ever")
        assert told["data"]["channels"] is None

    def test_resumed(self, broker: Broker) -> None:
        ids = [broker.publish(category="sports", body=str(n))["id"] for n in range(5)]
        with broker.stream("/sub", last=ids[1]) as messages:
            assert [next(messages)["id"] for _ in range(3)] == ids[2:]
        with broker.stream("/sub", after=ids[2]) as messages:
            assert [next(messages)["id"] for _ in range(2)] == ids[3:]

    @pytest.mark.parametrize("last", ["nonsense", "00000000-0000-0000-0000-000000000000"])
    def test_reset(self, broker: Broker, last: str) -> None:
        broker.publish(category="sports", body="before")
        with broker.stream("/sub", last=last) as messages:
            assert next(messages)["event"] == "reset"
            accepted = broker.publish(category="sports", body="after")
            assert next(messages)["id"] == accepted["id"]

    def test_of_some_categories(self, broker: Broker) -> None:
        with broker.stream("/sub", category=["movies", "finance"]) as messages:
            broker.publish(category="sports", body="x")
            wanted = [broker.publish(category=c, body="x")["id"] for c in ("movies", "finance")]
            assert [next(messages)["id"] for _ in range(2)] == wanted

    def test_of_one_subscriber(self, broker: Broker) -> None:
        with broker.stream("/sub", subscriber="fan") as messages:
            broker.publish(category="finance", body="not followed")
            movies = broker.publish(category="movies", body="by e-mail")
            sports = broker.publish(category="sports", body="by both")
            told = [next(messages)["data"] for _ in range(2)]
        assert [(one["id"], one["channels"]) for one in told] == [
            (movies["id"], ["email"]),
            (sports["id"], ["email", "sms"]),
        ]

    def test_tests_of_others_are_theirs(self, broker: Broker) -> None:
        with broker.stream("/sub") as everybody, broker.stream("/sub", subscriber="fan") as own:
            test = broker.call("POST", "/v1/subscribers/fan/test").json()
            after = broker.publish(category="sports", body="x")
            assert next(everybody)["id"] == after["id"]
            assert next(own)["id"] == test["id"]


@pytest.mark.parametrize("path", ["/v1/events", "/sub"])
def test_head_does_not_wait_for_the_end(shared: Broker, path: str) -> None:
    response = shared.http.head(path, headers={"Accept": "text/event-stream"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/event-stream")


class TestBeats:
    """What a stream waits for."""

    async def test_heartbeats_tell_the_place(self, app: BrokerApp, lifecycle: Lifecycle) -> None:
        chunks = _stream(app, "/v1/events")
        assert (await anext(chunks)).startswith(b"retry: ")
        assert await anext(chunks) == b"id: 0\n: ping\n\n"
        lifecycle.drain()
        assert [chunk async for chunk in chunks if chunk] == []

    async def test_no_stream_is_open_before_it_knows_its_place(self, lifecycle: Lifecycle) -> None:
        """Else what is committed between its headers and its first look would be missed."""
        log = LateLog()
        follow = FollowEvents(log, Pulse(log.watch, lifecycle, QUICK))
        opening = asyncio.create_task(follow(None, EventsWanted(), None))
        await log.asked.wait()
        assert not opening.done()
        log.known.set_result(7)
        assert isinstance(following := await opening, Following)
        assert following.at == 7

    async def test_both_streams_end_when_the_broker_stops(
        self, app: BrokerApp, lifecycle: Lifecycle
    ) -> None:
        streams = [_stream(app, "/v1/events"), _stream(app, "/sub")]
        for chunks in streams:
            await anext(chunks)
        lifecycle.drain()
        async with asyncio.timeout(2):
            for chunks in streams:
                async for _ in chunks:
                    pass

    async def test_one_watch_for_all_until_the_last_leaves(self, lifecycle: Lifecycle) -> None:
        log = CountingLog()
        pulse = Pulse(log.watch, lifecycle, QUICK)
        with pulse.listening(), pulse.listening():
            await log.opened.wait()
            assert log.open == 1
        await log.closed.wait()
        assert log.open == 0

    async def test_what_happens_while_reading_rings_again(self, lifecycle: Lifecycle) -> None:
        log = CountingLog()
        pulse = Pulse(log.watch, lifecycle, Beat(5.0, 0.0, 0.0, 0.0))
        beats = pulse.beats()
        with pulse.listening():
            assert await anext(beats) is True
            await log.opened.wait()
            log.happened.set()
            assert await anext(beats) is True

    async def test_the_clock_ticks_however_often_it_rings(self, lifecycle: Lifecycle) -> None:
        log = CountingLog()
        pulse = Pulse(log.watch, lifecycle, QUICK)
        with pulse.listening():
            async for news in pulse.beats():
                log.happened.set()
                if not news:
                    break

    async def test_reads_are_shared_with_those_who_ask_meanwhile(
        self, lifecycle: Lifecycle
    ) -> None:
        log, asked, answered = CountingLog(), list[int](), asyncio.Event()
        pulse = Pulse(log.watch, lifecycle, Beat(5.0, 0.0, 0.0, 0.0))

        async def read(place: int) -> int:
            asked.append(place)
            number = len(asked)
            await answered.wait()
            return number

        shared = Shared(pulse, read)
        before = [asyncio.create_task(shared(place)) for place in (1, 1, 2)]
        with pulse.listening():
            rung = pulse.rung
            await rung.wait()
            after = asyncio.create_task(shared(1))
            await asyncio.sleep(0)  # lets it ask
            answered.set()
            assert await asyncio.gather(*before, after) == [1, 1, 2, 3]
            assert await shared(1) == 4


class CountingLog:
    """Says who watches, and wakes them by hand."""

    def __init__(self) -> None:
        self.open = 0
        self.opened, self.closed, self.happened = (asyncio.Event() for _ in range(3))

    async def watch(self) -> AsyncIterator[None]:
        self.open += 1
        self.opened.set()
        try:
            while True:
                yield
                await self.happened.wait()
                self.happened.clear()
        finally:
            self.open -= 1
            self.closed.set()


class LateLog(CountingLog):
    """Knows its end when it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.known = asyncio.Future[int]()

    async def last(self) -> int:
        self.asked.set()
        return await self.known

    async def read(self, after: int, limit: int) -> list[Event]:
        return []

    async def forget(self, at: datetime) -> None:
        """Nothing is there."""


async def _stream(app: BrokerApp, path: str) -> AsyncIterator[bytes]:
    """The body of a stream, piece by piece, from the application itself."""
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
    headers = [(b"host", b"localhost"), (b"accept", b"text/event-stream")]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "http_version": "1.1",
        "scheme": "http",
        CONNECTION: OpenLine(pieces),
    }
    received: asyncio.Queue[Any] = asyncio.Queue()
    received.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await pieces.put(message["body"] if message["more_body"] else None)

    serving = asyncio.create_task(app(scope, received.get, send))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
