from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.application.house import House, house_with
from tests.support.world import violations


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The three built-in names, and an engine that nobody started yet."""
    async with house_with(tmp_path) as opened:
        yield opened
        assert await violations(opened.world) == []
