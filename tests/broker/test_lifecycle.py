"""From start to end: in time, in order, and clear about what is in the way."""

import asyncio
import contextlib
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import httpx2
import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from notefly.adapters.sqlite.messages import SqliteMessages
from notefly.broker import protocol, server
from notefly.broker.app import BrokerApp
from notefly.broker.lifecycle import Lifecycle, Phase
from notefly.broker.routes import system
from notefly.config import SettingsInvalid
from notefly.domain.errors import Unavailable
from tests.broker.service import Broker

HOST = {"Host": "localhost"}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_ends_while_streams_are_open(start: Callable[..., Broker], how: signal.Signals) -> None:
    broker = start()
    ended: list[bytes] = []

    def follow(path: str) -> None:
        with httpx2.stream(
            "GET", f"{broker.url}{path}", headers={"Accept": "text/event-stream"}, timeout=20
        ) as response:
            opened.release()
            ended.append(response.read())

    opened = threading.Semaphore(0)
    streams = [threading.Thread(target=follow, args=(p,)) for p in ("/v1/events", "/sub") * 5]
    for thread in streams:
        thread.start()
    for _ in streams:
        assert opened.acquire(timeout=10)
    began = time.monotonic()
    assert broker.stop(how) == 0
    assert time.monotonic() - began < 10
    for thread in streams:
        thread.join(timeout=5)
    assert len(ended) == len(streams), "each stream was ended, none was cut"


async def test_readiness(app: BrokerApp, lifecycle: Lifecycle) -> None:
    client = app.test_client()
    seen = []
    for phase in Phase:
        lifecycle.phase = phase
        response = await client.get("/readyz", headers=HOST)
        seen.append((response.status_code, response.headers.get("Retry-After")))
        assert (await client.get("/healthz", headers=HOST)).status_code == 200
    assert seen == [(503, "5"), (200, None), (503, "5")]


class Away:
    """A queue on a server that cannot be reached; `seconds` until it says so."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def ready(self) -> None:
        await asyncio.sleep(self.seconds)
        raise Unavailable("the queue cannot be reached")


@pytest.mark.parametrize("seconds", [0.0, 60.0])
async def test_a_queue_that_is_away_is_told_and_no_reason_to_send_traffic_elsewhere(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "PATIENCE_SECONDS", 0.001)
    lifecycle, store = Lifecycle(), Mock(ready=AsyncMock())
    lifecycle.ready()
    answer = await system.show_readiness(lifecycle, store, Away(seconds))
    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ok", "store": "ok", "queue": "unavailable"}


async def test_a_store_without_room_is_not_ready(app: BrokerApp, lifecycle: Lifecycle) -> None:
    lifecycle.ready()
    client, store = app.test_client(), app._lean._publish.messages
    assert isinstance(store, SqliteMessages)

    async def pages(limit: str) -> int:
        pragma = f"PRAGMA {limit}"
        return int(await store._database.write(lambda transaction: transaction.value(pragma)))

    lines = '{"category": "sports", "body": "' + "x" * 4_000 + '"}\n'
    await pages(f"max_page_count = {await pages('page_count')}")
    headers = HOST | {"Content-Type": "application/x-ndjson"}
    refused = await client.post("/v1/messages", data=lines * 50, headers=headers)
    answers = [await client.get(path, headers=HOST) for path in ("/readyz", "/v1/messages")]
    await pages("max_page_count = 1000000")
    answers.append(await client.get("/readyz", headers=HOST))
    assert refused.status_code == 503
    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert answers[0].headers["Retry-After"]
    assert "make room" in (await answers[0].get_json())["detail"]


def test_a_taken_port_is_named(shared: Broker, tmp_path: Path) -> None:
    host, port = shared.address
    with pytest.raises(SettingsInvalid, match=rf"port {port}.*NOTEFLY_BROKER_PORT"):
        server.listen(host, port, "NOTEFLY_BROKER_PORT")


def test_a_port_that_is_bound_but_silent() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        with pytest.raises(SettingsInvalid, match="NOTEFLY_BROKER_PORT"):
            server.listen("127.0.0.1", port, "NOTEFLY_BROKER_PORT")


def test_airplay_is_named(shared: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_answers", lambda _host, _port: True)
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(SettingsInvalid, match=r"AirPlay.*NOTEFLY_CLIENT_PORT"):
        server.listen("127.0.0.1", 5000, "NOTEFLY_CLIENT_PORT")


def test_a_port_is_free_again_at_once(start: Callable[..., Broker]) -> None:
    first = start()
    port = first.address[1]
    first.get("/healthz")
    first.stop()
    assert start(broker_port=port).address[1] == port


@pytest.fixture(scope="module")
def hasty(start_for_all: Callable[..., Broker]) -> Broker:
    """With deadlines of a fraction of a second."""
    return start_for_all(hurry=0.3)


class TestDeadlines:
    """Who says nothing, or takes nothing, is cut off."""

    @pytest.mark.parametrize(
        "said", [b"", b"GET /healthz HT", b"GET / HTTP/1.1\r\nHost: x", b"\r\n"]
    )
    def test_headers(self, hasty: Broker, said: bytes) -> None:
        with socket.create_connection(hasty.address, timeout=10) as connection:
            connection.sendall(said)
            assert connection.recv(1) == b""

    def test_dripping_headers(self, hasty: Broker) -> None:
        with socket.create_connection(hasty.address, timeout=0.05) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")
            assert _dripped(connection, b"X: y\r\n") < 5

    def test_between_requests(self, hasty: Broker) -> None:
        with socket.create_connection(hasty.address, timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answered = b""
            while not answered.endswith(b"}"):
                answered += connection.recv(65_536)
            connection.sendall(b"GET /healthz")
            assert connection.recv(1) == b""

    @pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?dry_run=false", "/sub/check"])
    def test_bodies(self, hasty: Broker, path: str) -> None:
        answered = hasty.raw(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            "Content-Length: 99\r\n\r\n{".encode()
        )
        assert answered.startswith(b"HTTP/1.1 408")
        assert b"application/problem+json" in answered

    def test_endless_headers(self, shared: Broker) -> None:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):  # It hangs up while more is coming.
            answered = shared.raw(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000)
            assert answered.startswith(b"HTTP/1.1 431")
        assert time.monotonic() - began < protocol.HEADER_SECONDS / 2

    def test_large_bodies_are_no_headers(self, shared: Broker) -> None:
        with httpx2.Client(base_url=shared.url) as client:
            for _ in range(5):
                large = client.post("/v1/messages", content=b"x" * 400_000)
                assert large.status_code in (413, 415)
                assert client.get("/healthz").status_code == 200

    async def test_readers_that_do_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.01)
        aborted, transport = asyncio.Event(), Mock(spec=asyncio.Transport)
        transport.abort.side_effect = aborted.set
        connection = protocol.DeadlineProtocol(Config(Mock()), ServerState(), {})
        connection.connection_made(transport)
        connection.pause_writing()
        connection.resume_writing()
        connection.pause_writing()
        async with asyncio.timeout(5):
            await aborted.wait()
        transport.abort.assert_called_once()
        connection.connection_lost(None)


def test_the_deadlines_that_ship() -> None:
    assert protocol.HEADER_SECONDS == 10
    assert protocol.WRITE_SECONDS <= 30


def _dripped(connection: socket.socket, drop: bytes) -> float:
    """Seconds until the other side had enough."""
    began = time.monotonic()
    while True:
        try:
            connection.sendall(drop)
            if connection.recv(1) == b"":
                return time.monotonic() - began
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - began


def test_no_id_is_a_label(start: Callable[..., Broker]) -> None:
    broker = start()
    broker.put("labelled", name="x", phone="+12025550123", categories=["sports"], channels=["sms"])
    accepted = broker.publish(category="sports", body="x")
    broker.done(accepted["id"])
    response = broker.call("GET", "/metrics")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    text = response.text
    assert text.endswith("# EOF\n")
    assert "notefly_messages_accepted_total 1.0" in text
    assert 'notefly_deliveries_total{channel="sms",state="delivered"} 1.0' in text
    assert 'notefly_queue_oldest_age_seconds{channel="sms"}' in text
    assert re.search(r"notefly_commit_seconds_count [1-9]", text)
    assert re.search(r'notefly_attempt_seconds_count{channel="sms"} 1\.0', text)
    assert accepted["id"] not in text
    assert "labelled" not in text
    assert "2025550123" not in text
