"""A console beside a real broker with the mock subscribers, and one beside none."""

import socket
from collections.abc import Iterator

import pytest

from tests.broker.service import Broker
from tests.client.console import Console

CATEGORIES = ["finance", "movies", "sports", "opera"]
"""Nobody follows opera."""


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("client") / "data", mocks=True, categories=CATEGORIES)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def console(broker: Broker) -> Iterator[Console]:
    running = Console(broker.url)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One whose people, channels and dead letters a test may change: nobody counts on them."""
    folder = tmp_path_factory.mktemp("own") / "data"
    running = Broker(folder, mocks=True, channels=["sms", "email", "push", "parrot"])
    yield running
    running.stop()


@pytest.fixture(scope="session")
def own_console(own_broker: Broker) -> Iterator[Console]:
    running = Console(own_broker.url)
    yield running
    assert running.stop() == 0


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def deserted(nobody: str) -> Iterator[Console]:
    """A console without a broker."""
    running = Console(nobody)
    yield running
    assert running.stop() == 0
