"""broker and client as processes of their own, and `tail` beside them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.broker.service import Broker
from tests.cli.conftest import some_port
from tests.support.up import free_ports

PATIENCE_SECONDS = 20.0
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Runs a command as a user would, on ports of its own: the usual ones may be somebody's.

    Whatever is left of it is ended by its id.
    """
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **settings: object) -> "subprocess.Popen[str]":
        own = dict(zip(("broker_port", "client_port"), free_ports(), strict=True))
        given = {f"NOTEFLY_{name.upper()}": str(value) for name, value in (own | settings).items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "notefly", *words],
            cwd=tmp_path,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, errors


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_broker_alone(start: Start, free_port: int, how: signal.Signals) -> None:
    broker = start("broker", broker_port=free_port)
    assert first_line(broker) == (
        f"broker: http://127.0.0.1:{free_port} is ready, "
        f"its API is at http://127.0.0.1:{free_port}/docs\n"
    )
    broker.send_signal(how)
    status, said = ended(broker)
    assert status == 0
    assert "its pages start with `notefly client`" in said


def test_a_second_broker_on_the_same_data_is_refused(start: Start, free_port: int) -> None:
    first_line(start("broker", broker_port=free_port))
    status, errors = ended(start("broker", broker_port=some_port()))
    assert status == 1
    assert errors.startswith("notefly: another broker is running on notefly-data: stop it")


@pytest.mark.parametrize("name", ["broker", "client"])
def test_a_port_that_is_taken(start: Start, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, errors = ended(start(name, **{f"{name}_port": port, "broker_url": "http://x"}))
    assert status == 1
    assert f"port {port}" in errors
    assert f"NOTEFLY_{name.upper()}_PORT" in errors
    assert "Traceback" not in errors


def test_the_client_alone_says_that_the_broker_is_missing(start: Start, free_port: int) -> None:
    client = start("client", client_port=free_port, broker_url="http://127.0.0.1:9")
    assert first_line(client) == f"client: http://127.0.0.1:{free_port}/pub is ready\n"
    client.send_signal(signal.SIGINT)
    status, errors = ended(client)
    assert status == 0
    assert errors == (
        "client: the broker at http://127.0.0.1:9 does not answer; "
        "start it with `notefly broker`, or everything with `notefly up`\n"
    )


def test_a_supervised_service_ends_with_its_lifeline(tmp_path: Path, free_port: int) -> None:
    """Where the kernel does not see to it: the end of stdin is the end of the parent."""
    with subprocess.Popen(
        [sys.executable, "-m", "notefly", "client", "--supervised"],
        cwd=tmp_path,
        env=os.environ | {"NOTEFLY_CLIENT_PORT": str(free_port)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert first_line(client) == f"ready http://127.0.0.1:{free_port}\n"
        assert client.stdin is not None
        client.stdin.close()
        assert client.wait(PATIENCE_SECONDS) == -signal.SIGKILL


def test_tail_follows_what_happens(start: Start, broker: Broker) -> None:
    before = broker.publish(category="sports", body="Before")["id"]
    broker.done(before)
    tail = start("tail", "--json", "--channel", "sms", "-n", "2", broker_url=broker.url)
    assert {json.loads(first_line(tail))["message_id"] for _ in range(2)} == {before}
    after = broker.publish(category="sports", body="After")["id"]
    found = [json.loads(first_line(tail)) for _ in range(2)]
    assert {(one["message_id"], one["channel"], one["state"]) for one in found} == {
        (after, "sms", "delivered")
    }
    assert {one["subscriber_id"] for one in found} == {"ada", "ben"}
    tail.send_signal(signal.SIGINT)
    assert ended(tail) == (0, "")


def test_publish_and_wait_fails_if_a_delivery_is_dead(start: Start, tmp_path: Path) -> None:
    broker = Broker(tmp_path / "data", mocks=True)
    broker.call("POST", "/v1/channels/sms/pause")
    # Far enough away for a process to start on a busy machine.
    soon = datetime.now(UTC) + timedelta(seconds=5)
    words = ("publish", "sports", "Too late", "--wait", "--expires-at", soon.isoformat())
    publish = start(*words, broker_url=broker.url)
    assert publish.stderr is not None
    assert publish.stderr.readline().startswith("accepted ")
    time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()))
    broker.call("POST", "/v1/channels/sms/resume")
    said, errors = publish.communicate(timeout=PATIENCE_SECONDS)
    assert publish.returncode == 1
    assert [line.split() for line in said.splitlines()][-2] == ["sms", "0", "2"]
    assert "2 of its deliveries are dead; `notefly tail --state dead` shows why" in errors
    broker.stop()


def test_tail_waits_for_a_broker_that_went_away(start: Start, tmp_path: Path) -> None:
    broker = Broker(tmp_path / "data", mocks=True)
    port = broker.address[1]
    message = broker.publish(category="sports", body="Seen")["id"]
    broker.done(message)
    tail = start("tail", "-n", "1", broker_url=broker.url)
    assert first_line(tail)
    broker.stop()
    assert tail.stderr is not None
    assert tail.stderr.readline() == "notefly: the broker went away; waiting for it\n"
    again = Broker(tmp_path / "data", mocks=True, broker_port=port)
    again.publish(category="sports", body="Seen again")
    assert "Seen again" in first_line(tail)
    tail.send_signal(signal.SIGINT)
    assert ended(tail)[0] == 0
    again.stop()
