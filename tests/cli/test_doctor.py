"""`notefly doctor` beside what it looks at: locks, servers, listeners, a Python that fits."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from notefly.adapters.sqlite.ownership import LOCK
from notefly.cli import checks, server_checks
from notefly.cli.ports import trouble
from tests.broker.service import Broker
from tests.cli.conftest import Notefly, some_port

NOWHERE = "postgresql://me:secret@127.0.0.1:1/notefly"


def findings(notefly: Notefly, **settings: str) -> dict[str, Any]:
    ports = {"broker_port": str(some_port()), "client_port": str(some_port())}
    said = notefly("doctor", "--json", **ports | settings)
    return {finding["name"]: finding for finding in json.loads(said.stdout)}


@contextmanager
def listening(family: socket.AddressFamily, host: str) -> Iterator[int]:
    with socket.socket(family) as server:
        server.bind((host, 0))
        server.listen()
        yield int(server.getsockname()[1])


def test_a_lock_that_a_silent_process_holds(alone: Notefly) -> None:
    assert findings(alone)["lock"]["verdict"] == "ok"
    Path("notefly-data").mkdir()
    lock = Path("notefly-data").absolute() / LOCK
    with FileLock(lock):
        held = findings(alone)["lock"]
    assert held["verdict"] == "bad"
    assert held["detail"].startswith("held by a process, but nobody answers at http://127.0.0.1:")
    assert held["mend"].startswith(f"`fuser {lock}` names it")
    assert findings(alone)["lock"]["detail"] == "free"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Broker]:
    """On the data in `data`."""
    broker = Broker(tmp_path / "data")
    yield broker
    broker.stop()


def test_a_running_broker_holds_the_lock_rightly(running: Broker, alone: Notefly) -> None:
    found = findings(alone, broker_url=running.url, data_dir="data")
    assert found["lock"] == {
        "name": "lock",
        "verdict": "ok",
        "detail": "held by the running broker",
        "mend": "",
    }
    assert found["broker"]["verdict"] == found["clock"]["verdict"] == "ok"
    assert "chaos" not in found


def test_chaos_that_was_forgotten(running: Broker, alone: Notefly) -> None:
    running.call("PUT", "/v1/chaos", json={"channels": {"sms": {"timeout_rate": 0.5}}})
    found = findings(alone, broker_url=running.url, data_dir="data")["chaos"]
    assert (found["verdict"], found["detail"]) == (
        "note",
        "on, for sms: what fails there fails on purpose",
    )
    assert found["mend"].endswith("/chaos")


def test_quart_and_python_must_fit(alone: Notefly, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(alone)["Quart"]["verdict"] == "ok"
    monkeypatch.setattr(checks, "version", lambda _: "0.23.1")
    assert findings(alone)["Quart"]["mend"] == "pip install 'quart>=0.22,<0.23'"


def test_servers_of_the_queue_at_which_nobody_answers_or_nobody_who_knows_how(
    alone: Notefly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "find_spec", lambda _: True)
    with listening(socket.AF_INET, "127.0.0.1") as port:
        servers = f"nats://word@127.0.0.1:{port},nats://127.0.0.1:1"
        said = alone("doctor", store=NOWHERE, queue=servers)
    assert said.exit_code == 1
    lines = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert any(line.startswith("✗ queue NATS cannot be reached at 127.0.0.1:") for line in lines)
    assert any(line.startswith("✗ queue nobody answers at nats://127.0.0.1:1 (") for line in lines)
    assert "→ start it, or correct NOTEFLY_QUEUE" in said.stdout


def test_the_library_of_the_queue(alone: Notefly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_checks, "find_spec", lambda _: None)
    found = findings(alone, store=NOWHERE, queue="rediss://127.0.0.1")["queue"]
    assert (found["verdict"], found["mend"]) == ("bad", "pip install 'notefly[redis]'")


@pytest.mark.skipif(not socket.has_ipv6, reason="needs a second loopback address")
def test_whoever_answers_as_localhost_has_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """As AirPlay does on macOS: our own address can be had, but browsers meet the other one."""
    real = socket.create_connection

    def as_on_macos(address: tuple[str, int], timeout: float) -> socket.socket:
        return real(("::1", address[1]), timeout)

    monkeypatch.setattr("notefly.cli.ports.socket.create_connection", as_on_macos)
    try:
        with listening(socket.AF_INET6, "::1") as port:
            assert trouble("127.0.0.1", port) == f"port {port} is taken by another program"
            monkeypatch.setattr("sys.platform", "darwin")
            monkeypatch.setattr("notefly.cli.ports.AIRPLAY", port)
            assert "AirPlay Receiver" in trouble("127.0.0.1", port)
    except OSError:
        pytest.skip("there is no ::1 here")
    assert trouble("127.0.0.1", some_port()) == ""
