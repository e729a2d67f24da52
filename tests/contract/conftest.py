from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.time import VirtualClock
from tests.support.world import ADAPTERS, Adapter, World, violations


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Every engine there is."""
    found: Adapter = request.param
    return found


@pytest.fixture
async def world(adapter: Adapter, tmp_path: Path) -> AsyncIterator[World]:
    """An empty store; whatever a test did with it, the audit finds nothing wrong afterwards."""
    async with adapter.opens(tmp_path, VirtualClock()) as opened:
        yield opened
        assert await violations(opened) == []
