"""Brokers to talk to: one that most tests share, fresh ones, and the application without a port."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from notefly.bootstrap import make_container
from notefly.broker.app import BrokerApp, create_app
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.pulse import Beat
from notefly.config import Settings
from tests.broker.service import Broker

QUICK = Beat(
    heartbeat_seconds=0.02, look_seconds=0.0, pace_seconds=0.0, pace_per_stream_seconds=0.0
)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """For tests that only add: each takes names of its own."""
    broker = Broker(tmp_path_factory.mktemp("broker") / "data")
    yield broker
    assert broker.stop() == 0


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Starts brokers, always on the same data, and stops what is left of them."""
    with _starting(tmp_path / "data") as begin:
        yield begin


@pytest.fixture(scope="module")
def start_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Broker]]:
    """The same, for all tests of a module together."""
    with _starting(tmp_path_factory.mktemp("broker") / "data") as begin:
        yield begin


@contextmanager
def _starting(folder: Path) -> Iterator[Callable[..., Broker]]:
    started: list[Broker] = []

    def begin(**settings: Any) -> Broker:
        started.append(Broker(folder, **settings))
        return started[-1]

    yield begin
    for broker in started:
        broker.stop()


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle()


@pytest_asyncio.fixture
async def app(tmp_path: Path, lifecycle: Lifecycle) -> AsyncIterator[BrokerApp]:
    """The application on a real store, with quick heartbeats; nothing is delivered."""
    settings = Settings(data_dir=tmp_path / "data", mocks=False)
    container = make_container(settings)
    yield await create_app(container, settings, lifecycle, QUICK)
    await container.close()
