"""What people see who sit before a terminal: a bar that fills, retries as they come."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.broker.service import Broker
from tests.cli.conftest import Notefly

PATIENCE_SECONDS = 20.0


@pytest.fixture
def spoiled(broker: Broker) -> Iterator[Broker]:
    """Nobody gets an SMS."""
    broker.call("PUT", "/v1/chaos", json={"channels": {"sms": {"failure_rate": 1}}})
    yield broker
    broker.call("PUT", "/v1/chaos", json={"channels": {}})


@contextmanager
def on_a_terminal(folder: Path, broker: Broker, *words: str) -> Iterator[int]:
    """What it writes to stderr, as a terminal gets it."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "notefly", *words],
        cwd=folder,
        env=os.environ | {"NOTEFLY_BROKER_URL": broker.url},
        stdout=subprocess.DEVNULL,
        stderr=end,
    ) as process:
        os.close(end)
        yield terminal
        assert process.wait(PATIENCE_SECONDS) == 0
    os.close(terminal)


def shown_until(terminal: int, wanted: str) -> str:
    said = ""
    while wanted not in said:
        said += click.unstyle(os.read(terminal, 1_000).decode(errors="ignore"))
    return said


def test_a_bar_fills_while_publish_waits(tmp_path: Path, broker: Broker) -> None:
    broker.call("POST", "/v1/channels/sms/pause")
    words = ("publish", "sports", "Slowly", "--wait")
    with on_a_terminal(tmp_path, broker, *words) as terminal:
        said = shown_until(terminal, " 4 of 6")
        assert "accepted " in said
        assert f"{'█' * 20}{'░' * 10} 4 of 6" in said
        broker.call("POST", "/v1/channels/sms/resume")
        assert f"{'█' * 30} 6 of 6" in shown_until(terminal, " 6 of 6")


def test_the_bar_tells_who_waits_for_a_retry(tmp_path: Path, spoiled: Broker) -> None:
    words = ("publish", "finance", "Later", "--wait")
    with on_a_terminal(tmp_path, spoiled, *words) as terminal:
        shown_until(terminal, ", 2 wait for a retry")
        spoiled.call("PUT", "/v1/chaos", json={"channels": {}})
        shown_until(terminal, " 4 of 4")


def test_tail_tells_each_try_and_when_the_next_one_is(notefly: Notefly, spoiled: Broker) -> None:
    message = spoiled.publish(category="sports", body="Again and again")["id"]
    with spoiled.stream("/v1/events", last="0", message=message, channel="sms") as events:
        assert next(events)["data"]["state"] == "retrying"
    said = notefly("tail", "--no-follow", "--message", message, "--subscriber", "ben").stdout
    assert re.search(r"↻ retrying +sms +ben +try \d+, again at ", said)
    assert "chaos: the provider is busy (503)" in said
    spoiled.call("POST", f"/v1/messages/{message}/cancel")


def test_tail_by_reason_and_by_time(notefly: Notefly, broker: Broker) -> None:
    broker.call("PUT", "/v1/chaos", json={"channels": {"sms": {"refusal_rate": 1}}})
    message = broker.publish(category="sports", body="Refused")
    broker.done(message["id"])
    broker.call("PUT", "/v1/chaos", json={"channels": {}})
    words = ("tail", "--no-follow", "--since", message["accepted_at"], "--reason")
    refused = notefly(*words, "refused").stdout.splitlines()
    assert len(refused) == 2
    assert all("✗ dead       sms" in line for line in refused)
    assert notefly(*words, "poison").stdout == ""
