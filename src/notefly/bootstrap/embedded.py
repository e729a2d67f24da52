"""The engine in one process: one SQLite file, and a queue in memory."""

import logging
import os
from collections.abc import AsyncIterator

from dishka import Provider, Scope, provide

from notefly.adapters.inprocess.alone import Alone
from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.sqlite.connection import store_path
from notefly.adapters.sqlite.ownership import owning
from notefly.adapters.sqlite.store import SqliteStore, open_store
from notefly.application.catalogue import Catalogue
from notefly.application.pace import Pace
from notefly.bootstrap.stores import Store
from notefly.config import Settings
from notefly.ports.clock import Clock
from notefly.ports.leadership import Leadership
from notefly.ports.meter import Meter
from notefly.ports.wakeups import Wakeups
from notefly.ports.work_queue import WorkQueue

LOG = logging.getLogger(__name__)
UNKNOWN_COMMIT = 70
"""Exit status when a commit's result is unknown (EX_SOFTWARE of sysexits.h)."""


class EmbeddedEngine(Provider):
    """One SQLite file, and a queue in this process."""

    scope = Scope.APP

    @provide
    async def sqlite(
        self, settings: Settings, catalogue: Catalogue, clock: Clock, pace: Pace, meter: Meter
    ) -> AsyncIterator[SqliteStore]:
        with owning(settings.data_dir):
            async with open_store(
                str(store_path(settings.data_dir)),
                categories=catalogue.categories,
                kinds=catalogue.kinds,
                clock=clock,
                budget=lambda: pace.seconds,
                meter=meter,
                on_unknown=_stop_at_once,
            ) as store:
                yield store

    @provide
    def store(self, store: SqliteStore) -> Store:
        return store

    @provide
    def queue(self, clock: Clock) -> WorkQueue:
        return InProcessQueue(clock)

    @provide
    def wakeups(self) -> Wakeups:
        return Alone()

    @provide
    def leadership(self) -> Leadership:
        return Alone()


def _stop_at_once(error: BaseException) -> None:
    """Nobody may be answered: connections close with the process, keys resolve it on retry."""
    LOG.critical(
        "the disk failed (%s): whether the last commit is on it is unknown, so nobody is answered "
        "and the broker stops; look at the disk, then start it again",
        error,
    )
    os._exit(UNKNOWN_COMMIT)
