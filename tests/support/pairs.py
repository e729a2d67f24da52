"""The pairs of store and queue that are shipped, for what has to be right where the two meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from notefly.ports.work_queue import WorkQueue
from tests.support.queues import (
    IN_PROCESS,
    JETSTREAM,
    JETSTREAM_CLUSTER,
    REDIS,
    SKIP_LOCKED,
    QueueAdapter,
)
from tests.support.server import POSTGRES
from tests.support.time import VirtualClock
from tests.support.world import ADAPTERS, Adapter, World


@dataclass(frozen=True)
class Pair:
    """Both on one clock."""

    store: Adapter
    queue: QueueAdapter

    @property
    def name(self) -> str:
        return f"{self.store.name}+{self.queue.name}"

    @asynccontextmanager
    async def opened(self, folder: Path) -> AsyncIterator[tuple[World, WorkQueue]]:
        """Empty, in an empty folder."""
        clock = VirtualClock()
        async with (
            self.store.opens(folder, clock) as world,
            self.queue.place(clock) as process,
            process() as bench,
        ):
            yield world, bench.queue


EMBEDDED, IN_MEMORY = (Pair(store, IN_PROCESS) for store in ADAPTERS)
PAIRS = [
    pytest.param(EMBEDDED, id=EMBEDDED.name),
    *(
        pytest.param(pair, id=pair.name, marks=pytest.mark.engines)
        for pair in (
            Pair(POSTGRES, queue) for queue in (SKIP_LOCKED, JETSTREAM, JETSTREAM_CLUSTER, REDIS)
        )
    ),
]
