"""`notefly up` as a user runs it: one command, one Ctrl-C, nothing lost, nobody left behind."""

import json
import os
import re
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx2
import pytest

from tests.client.console import Console
from tests.support.up import PATIENCE_SECONDS, STOP_SECONDS, Up, free_ports

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for child processes in /proc")


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_ports()


@pytest.fixture
def up(tmp_path: Path, ports: tuple[int, int]) -> Iterator[Callable[[], Up]]:
    """Starts it, always on the same ports and data."""
    started: list[Up] = []

    def begin() -> Up:
        started.append(Up(tmp_path, ports))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def publish(http: httpx2.Client, body: str) -> str:
    """By the form, as a browser without scripts; the address it leads to."""
    page = http.get("/pub")
    key = re.search('name="key" value="([^"]+)"', page.text)
    assert key is not None
    form = {"key": key[1], "category": "sports", "title": "", "body": body}
    answer = http.post("/pub", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def wait_for_all(http: httpx2.Client, body: str, expected: int) -> str:
    """Publishes while it listens, and waits for the events that tell of every delivery."""
    with http.stream("GET", "/events") as stream:
        events = (e for e in httpx2.EventSource(stream) if e.data)
        assert next(events).event == "up"
        address = publish(http, body)
        seen = 0
        while seen < expected:
            fact = json.loads(next(events).data)
            assert fact["state"] == "delivered"
            seen += fact["count"]
    return address


def gone(pid: int) -> bool:
    """Waits for the end of a process that is nobody's child any more."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([handle], [], [], PATIENCE_SECONDS)
    os.close(handle)
    return bool(ended)


def test_the_whole_way(up: Callable[[], Up], ports: tuple[int, int], tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise ImportError('the user has such a file')")
    began = time.monotonic()
    first = up()
    box = first.box()
    assert f"http://localhost:{ports[1]}/pub" in box
    assert f"http://localhost:{ports[0]}/docs" in box
    assert str(tmp_path / "notefly-data") in box
    assert "log mode: nothing leaves this machine" in box
    assert time.monotonic() - began < PATIENCE_SECONDS

    address = wait_for_all(first.http, "Goal!", 6)
    message = unescape(first.http.get(address).text)
    assert 'data-state="done"' in message
    assert "6 of 6 ended" in message
    log = first.http.get("/activity").text
    assert "Goal!" in log
    assert log.count('<span class="state delivered">') == 6
    for who in ("ada", "ben", "chloe"):
        assert f'<span class="who" title="{who}">' in log

    began = time.monotonic()
    assert first.interrupt() == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert first.end().splitlines() == ["stopping", "stopped"]

    again = up()
    again.box()
    assert unescape(again.http.get(address).text).count("delivered</span>") == 6
    assert again.http.get("/activity").text.count('<span class="state delivered">') == 6
    again.process.terminate()
    assert again.process.wait(STOP_SECONDS) == 0


def test_a_stop_while_a_page_is_open(up: Callable[[], Up]) -> None:
    running = up()
    running.box()
    with running.http.stream("GET", "/events") as stream:
        events = (e for e in httpx2.EventSource(stream) if e.data)
        next(events)
        assert running.interrupt() == 0
        assert list(events) == []


@on_linux
@pytest.mark.parametrize(("name", "other"), [("broker", "client"), ("client", "broker")])
def test_if_one_dies_the_other_is_stopped(up: Callable[[], Up], name: str, other: str) -> None:
    running = up()
    running.box()
    left = running.child(other)
    os.kill(running.child(name), signal.SIGKILL)
    assert running.process.wait(STOP_SECONDS) == 1
    assert gone(left)
    said = f"notefly: the {name} was ended by SIGKILL, so the {other} was stopped too"
    assert said in running.end().splitlines()


@on_linux
def test_nobody_outlives_it(up: Callable[[], Up]) -> None:
    running = up()
    running.box()
    children = running.children()
    assert len(children) == 2
    os.kill(running.process.pid, signal.SIGKILL)
    assert all(map(gone, children))


def test_what_cannot_start_says_why(up: Callable[[], Up], ports: tuple[int, int]) -> None:
    with socket.create_server(("127.0.0.1", ports[1])):
        refused = up()
        assert refused.process.wait(PATIENCE_SECONDS) == 1
    assert refused.end() == (
        f"notefly: port {ports[1]} is taken by another program; "
        "stop what uses it, or set NOTEFLY_CLIENT_PORT to another port\n"
    )


def test_a_second_one_on_the_same_data(up: Callable[[], Up], tmp_path: Path) -> None:
    up().box()
    second = Up(tmp_path, free_ports())
    assert second.process.wait(PATIENCE_SECONDS) == 1
    said = second.end()
    assert "notefly: another broker is running on notefly-data" in said
    assert "the broker ended with exit status 1, so the client was stopped too" in said
    assert "Traceback" not in said


def test_the_client_waits_for_its_broker(up: Callable[[], Up], ports: tuple[int, int]) -> None:
    """`notefly client` first, `notefly up`'s broker later: pages go on by themselves."""
    console = Console(f"http://127.0.0.1:{ports[0]}")
    console.get("/pub", 503)
    up().box()
    console.get("/pub")
    assert console.stop() == 0
