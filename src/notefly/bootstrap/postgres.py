"""The engine of many processes: a store on PostgreSQL, and a queue in it where there is no other.

Imported only when a setting names it: its libraries are an extra.
"""

from collections.abc import AsyncIterator

from dishka import Provider, Scope, provide

from notefly.adapters.postgres.leadership import open_leadership
from notefly.adapters.postgres.queue import open_queue
from notefly.adapters.postgres.store import PostgresStore, open_store
from notefly.adapters.postgres.wakeups import open_wakeups
from notefly.application.catalogue import Catalogue
from notefly.application.pace import Pace
from notefly.bootstrap.stores import Store
from notefly.config import Settings
from notefly.ports.clock import Clock
from notefly.ports.leadership import Leadership
from notefly.ports.meter import Meter
from notefly.ports.wakeups import Wakeups
from notefly.ports.work_queue import WorkQueue

BUSY_SECONDS, CALM_SECONDS = 0.04, 0.05
"""Of a recording: no publish waits for one here, and the next is written while it is flushed.
Larger ones leave workers idle at both ends of a broadcast, and choices old before their turn."""


class PostgresEngine(Provider):
    """The store, and one leader among the processes on it."""

    scope = Scope.APP

    @provide
    def pace(self, clock: Clock) -> Pace:
        return Pace(clock, BUSY_SECONDS, CALM_SECONDS)

    @provide
    async def postgres(
        self,
        settings: Settings,
        catalogue: Catalogue,
        clock: Clock,
        meter: Meter,
        wakeups: Wakeups,
    ) -> AsyncIterator[PostgresStore]:
        async with open_store(
            settings.store,
            categories=catalogue.categories,
            kinds=catalogue.kinds,
            clock=clock,
            meter=meter,
            wakeups=wakeups,
        ) as store:
            yield store

    @provide
    def store(self, store: PostgresStore) -> Store:
        return store

    @provide
    async def leadership(self, settings: Settings) -> AsyncIterator[Leadership]:
        async with open_leadership(settings.store) as leadership:
            yield leadership


class PostgresWakeups(Provider):
    """Hints by LISTEN and NOTIFY."""

    scope = Scope.APP

    @provide
    async def wakeups(self, settings: Settings) -> AsyncIterator[Wakeups]:
        async with open_wakeups(settings.store) as wakeups:
            yield wakeups


class PostgresQueue(Provider):
    """The work queue in a table."""

    scope = Scope.APP

    @provide
    async def queue(
        self, settings: Settings, clock: Clock, wakeups: Wakeups
    ) -> AsyncIterator[WorkQueue]:
        async with open_queue(settings.store, clock=clock, wakeups=wakeups) as queue:
            yield queue
