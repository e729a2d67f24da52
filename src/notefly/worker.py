"""A worker: it claims batches and delivers them, on a store that others reach too.

It serves nobody. It may be killed at any time: what it held is taken over when its leases run out.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from notefly import process
from notefly.application.engine import Engine
from notefly.application.lanes import DRAIN_SECONDS
from notefly.bootstrap import Delivers, make_container
from notefly.config import Settings

CLOSE_SECONDS = 0.5
"""On top of what the engine takes to end by itself."""


def run(settings: Settings, delivers: Delivers, started: Callable[[], None]) -> None:
    """`work` until SIGTERM or SIGINT."""
    process.run(work(settings, delivers, started))


async def work(
    settings: Settings,
    delivers: Delivers,
    started: Callable[[], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Until `stop` is set; hand-overs under way are finished and recorded.

    Raises SettingsInvalid, StoreUnusable, ChannelUnusable.
    """
    # A store is filled by whoever serves it: one setting forgotten here must not invent people.
    container = make_container(replace(settings, mocks=False), delivers)
    try:
        engine = await container.get(Engine)
        await engine.start()
        with process.stopped_by_signal(stop) as stopping:
            started()
            await stopping.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS + CLOSE_SECONDS):
                    await engine.stop()
    finally:
        await container.close()
