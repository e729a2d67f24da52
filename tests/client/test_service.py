"""The console as a service: doors, guards, a broker that is down, and the end."""

import signal
import time
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.broker.service import Broker
from tests.client.console import Console

LONGEST_STOP_SECONDS = 10.0


def test_the_entrances(console: Console) -> None:
    assert console.http.get("/healthz").json() == {"status": "ok"}
    for path in ("/", "/pub", "/activity"):
        console.get(path)


def test_the_brokers_pages_are_found_under_the_readers_host_name(nobody: str) -> None:
    port = urlsplit(nobody).port
    console = Console(f"http://127.0.0.1:{port}", broker_port=port)
    answer = console.http.get("/sub", headers={"Host": "localhost:5000"})
    assert answer.headers["Location"] == f"http://localhost:{port}/sub"
    page = console.http.get("/docs", headers={"Host": "localhost:5000"})
    assert (page.status_code, f"http://localhost:{port}/docs" in page.text) == (200, True)
    assert console.stop() == 0


def test_a_broker_elsewhere_is_linked_as_it_is_set(console: Console, broker: Broker) -> None:
    assert console.http.get("/sub").headers["Location"] == f"{broker.url}/sub"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:5000", 200),
        ("127.0.0.1", 200),
        ("[::1]:5000", 200),
        ("LOCALHOST", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example:5000", 421),
        ("[bad", 421),
        ("localhost.", 421),
    ],
)
def test_only_this_machines_names_are_answered(console: Console, host: str, status: int) -> None:
    assert console.http.get("/healthz", headers={"Host": host}).status_code == status


def test_other_names_can_be_allowed(nobody: str) -> None:
    console = Console(nobody, allowed_hosts=["notefly.example"])
    answer = console.http.get("/healthz", headers={"Host": "Notefly.example:80"})
    assert answer.status_code == 200
    console.stop()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"}, 403),
    ],
)
def test_no_other_site_publishes(
    console: Console, broker: Broker, headers: dict[str, str], status: int
) -> None:
    before = broker.get("/v1/stats")["messages"]
    answer = console.post("/pub", console.form() | {"body": "From where?"}, headers=headers)
    assert answer.status_code == status
    assert broker.get("/v1/stats")["messages"] == before + (status == 303)


def test_its_own_origin_is_known_by_the_host(console: Console) -> None:
    form = console.form() | {"body": "From here"}
    assert console.post("/pub", form, headers={"Origin": console.url}).status_code == 303


def test_every_answer_is_guarded(console: Console) -> None:
    for path in ("/pub", "/static/console.css", "/nowhere", "/healthz"):
        headers = console.http.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in console.http.get("/activity").headers["Cache-Control"]


def test_what_is_too_large_or_wrong_is_a_page(console: Console) -> None:
    answer = console.post("/pub", console.form() | {"body": "x" * 2_000_000})
    assert "may have 256 KiB" in console.page(answer, 413)
    assert "does not work that way" in console.page(console.http.put("/pub"), 405)


def test_no_file_asks_another_host_for_anything() -> None:
    """Of our own; what is vendored is watched in the browser."""
    for path in (files("notefly.client") / "static").iterdir():
        if path.is_dir():
            continue
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path.name


@pytest.mark.parametrize("path", ["/", "/pub", "/activity", "/messages/x", "/deliveries/x"])
def test_without_a_broker_every_page_says_so_and_looks_again(deserted: Console, path: str) -> None:
    page = deserted.get(path, 503)
    assert "The broker does not answer." in page
    assert "notefly up" in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    part = deserted.get(path, 503, headers={"HX-Request": "true"})
    assert part.startswith('<div class="notice bad"')


def test_without_a_broker_nothing_written_is_lost(deserted: Console) -> None:
    form = {"key": "k", "category": "sports", "title": "T", "body": "Not lost <b>"}
    page = deserted.page(deserted.post("/pub", form), 503)
    assert "Not published: the broker does not answer." in page
    assert "Not lost &lt;b&gt;</textarea>" in page
    assert 'name="key" value="k"' in page
    assert "refresh" not in page


def test_the_stream_says_that_the_broker_is_down(deserted: Console) -> None:
    with deserted.events() as events:
        assert [event["event"] for event in events] == ["down"]


def test_it_goes_on_when_the_broker_is_back(deserted: Console, nobody: str, tmp_path: Path) -> None:
    deserted.get("/pub", 503)
    broker = Broker(tmp_path / "data", mocks=True, broker_port=urlsplit(nobody).port)
    deserted.get("/pub")
    with deserted.events() as events:
        assert next(events)["event"] == "up"
        broker.stop()
        assert [event["event"] for event in events] == []
    deserted.get("/pub", 503)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_open_streams_do_not_hold_up_the_end(broker: Broker, how: signal.Signals) -> None:
    console = Console(broker.url)
    with console.events() as first, console.events() as second:
        assert next(first)["event"] == next(second)["event"] == "up"
        began = time.monotonic()
        console.process.send_signal(how)
        assert list(first) == list(second) == []
    assert console.stop() == 0
    assert time.monotonic() - began < LONGEST_STOP_SECONDS
