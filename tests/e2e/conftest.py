"""Each house is opened once: its tests only add, and leave it as it was."""

from collections.abc import Iterator

import pytest

from tests.e2e import house


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    with house.embedded(tmp_path_factory.mktemp("embedded")) as opened:
        yield opened


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.ManyHouse]:
    with house.many(tmp_path_factory.mktemp("many") / "cluster") as opened:
        yield opened
