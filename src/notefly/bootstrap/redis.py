"""The queue on Redis Streams; imported only when a setting names it."""

from collections.abc import AsyncIterator

from dishka import Provider, Scope, provide

from notefly.adapters.redis.queue import open_queue
from notefly.config import Settings
from notefly.ports.clock import Clock
from notefly.ports.work_queue import WorkQueue


class RedisQueue(Provider):
    """Hints stay with PostgreSQL."""

    scope = Scope.APP

    @provide
    async def queue(self, settings: Settings, clock: Clock) -> AsyncIterator[WorkQueue]:
        async with open_queue(settings.queue, clock=clock) as queue:
            yield queue
