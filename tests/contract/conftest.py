from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.server import POSTGRES
from tests.support.time import VirtualClock
from tests.support.world import ADAPTERS, Adapter, World, open_work, violations

ENGINES = [
    *(pytest.param(adapter, id=adapter.name) for adapter in ADAPTERS),
    pytest.param(POSTGRES, id=POSTGRES.name, marks=pytest.mark.engines),
]


@pytest.fixture(params=ENGINES)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Every engine there is."""
    found: Adapter = request.param
    return found


@pytest.fixture
async def world(adapter: Adapter, tmp_path: Path) -> AsyncIterator[World]:
    """An empty store; afterwards the audit finds nothing wrong, and the backlog is what is open."""
    async with adapter.opens(tmp_path, VirtualClock()) as opened:
        yield opened
        assert await violations(opened) == []
        assert opened.backlog.waiting() == await open_work(opened)
