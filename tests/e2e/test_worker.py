"""`notefly worker` as a process: what it delivers, and how it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.broker.service import PATIENCE_SECONDS, Api, Broker, Json
from tests.support.server import database_for

pytestmark = [pytest.mark.engines, pytest.mark.timeout(120)]
Worker = subprocess.Popen[str]
Work = Callable[..., Worker]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """It accepts and plans; somebody else delivers."""
    store = asyncio.run(database_for(tmp_path))
    running = Broker(tmp_path / "data", store=store, broker_delivers=False)
    yield running
    running.stop()


@pytest.fixture
def work(tmp_path: Path, broker: Broker) -> Iterator[Work]:
    store = asyncio.run(database_for(tmp_path))
    with ExitStack() as stack:

        def start(*words: str) -> Worker:
            worker = stack.enter_context(started(store, tmp_path, words))
            assert worker.stdout is not None
            assert "delivering" in worker.stdout.readline()
            return worker

        yield start


@contextmanager
def started(store: str, folder: Path, words: tuple[str, ...]) -> Iterator[Worker]:
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "notefly", "worker", *words],
        env=os.environ | {"NOTEFLY_STORE": store},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker:
        try:
            yield worker
        finally:
            worker.kill()


def people(api: Api, number: int, *channels: str) -> None:
    for n in range(number):
        api.put(
            f"p{n}",
            name=f"P{n}",
            phone="+12025550123",
            email="p@example.com",
            categories=["movies"],
            channels=list(channels),
        )


def delivered(api: Api, message: str, channel: str) -> Json:
    """Its counts by channel, once somebody has it on this one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        counts: Json = api.get(f"/v1/messages/{message}")["deliveries"]["by_channel"]
        if counts.get(channel, {}).get("delivered"):
            return counts
        assert time.monotonic() < deadline, counts


def ended(worker: Worker) -> int:
    """As a service manager ends it."""
    worker.send_signal(signal.SIGTERM)
    return worker.wait(timeout=15)


def test_it_delivers_on_its_channel_and_leaves_the_others_alone(broker: Broker, work: Work) -> None:
    people(broker, 1, "sms", "email")
    letters = work("--channel", "email")
    first = broker.publish(category="movies", body="Now")["id"]
    second = broker.publish(category="movies", body="And now")["id"]
    for message in (first, second):
        counts = delivered(broker, message, "email")
        assert counts["sms"]["pending"] == 1
    assert ended(letters) == 0
    everything = work()
    for message in (first, second):
        broker.done(message)
    assert ended(everything) == 0


def test_told_to_stop_at_work_it_records_what_it_did_and_another_one_goes_on(
    broker: Broker, work: Work
) -> None:
    people(broker, 40, "sms", "email")
    worker = work("--concurrency", "1")
    messages = [broker.publish(category="movies", body=f"Now {n}")["id"] for n in range(20)]
    assert ended(worker) == 0
    work()
    for message in messages:
        done = broker.done(message)
        assert done["deliveries"]["by_state"]["delivered"] == 80
    for delivery in broker.deliveries(limit=1000):
        assert delivery["attempts"] == 1, "nothing was interrupted, so nothing was called twice"
