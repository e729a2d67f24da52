"""Both services as real processes, and every way into them."""

from collections.abc import Iterator, Mapping

import pytest

from tests.broker.service import Broker
from tests.client.console import Console
from tests.security.doors import Door, every_door


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with the mock subscribers."""
    running = Broker(tmp_path_factory.mktemp("guarded") / "data", mocks=True)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def services(guarded: Broker) -> Iterator[Mapping[str, str]]:
    """Where each answers."""
    console = Console(guarded.url)
    yield {"broker": guarded.url, "console": console.url}
    assert console.stop() == 0


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> list[Door]:
    return every_door(tmp_path_factory.mktemp("doors"))
