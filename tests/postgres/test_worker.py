"""A worker beside the brokers of a store."""

import asyncio

import pytest

from notefly.adapters.postgres.store import PostgresStore
from notefly.bootstrap import Delivers
from notefly.config import Settings
from notefly.worker import work

pytestmark = pytest.mark.engines


async def test_a_worker_loads_no_mocks(dsn: str, store: PostgresStore) -> None:
    """Brokers may be told not to; a worker has no say in who the subscribers are."""
    stop = asyncio.Event()
    await work(Settings(store=dsn), Delivers(), stop.set, stop)
    assert await store.figures.subscribers_ever() == 0
