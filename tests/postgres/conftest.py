"""A store on the server that the tests start, and a second process's view of it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from notefly.adapters.postgres.store import PostgresStore, open_store
from notefly.adapters.system import SystemClock
from notefly.ports.wakeups import Wakeups
from tests.support.server import database_for
from tests.support.time import SilentMeter
from tests.support.world import CATEGORIES, KINDS


def opened(
    dsn: str, meter: SilentMeter | None = None, wakeups: Wakeups | None = None
) -> AbstractAsyncContextManager[PostgresStore]:
    """As a process opens it: leases follow the server's clock."""
    return open_store(
        dsn,
        categories=CATEGORIES,
        kinds=KINDS,
        clock=SystemClock(),
        meter=meter or SilentMeter(),
        wakeups=wakeups,
    )


@pytest.fixture
async def dsn(tmp_path: Path) -> str:
    """An empty database."""
    return await database_for(tmp_path)


@pytest.fixture
def meter() -> SilentMeter:
    return SilentMeter()


@pytest.fixture
async def store(dsn: str, meter: SilentMeter) -> AsyncIterator[PostgresStore]:
    async with opened(dsn, meter) as first:
        yield first


@pytest.fixture
async def other(dsn: str, store: PostgresStore) -> AsyncIterator[PostgresStore]:
    """The same store, as another process sees it."""
    async with opened(dsn) as second:
        yield second
