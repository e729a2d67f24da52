"""The queue on NATS JetStream, and hints by its subjects; imported only when a setting names it."""

from collections.abc import AsyncIterator

from dishka import Provider, Scope, provide

from notefly.adapters.jetstream.link import NatsLink, open_link
from notefly.adapters.jetstream.queue import open_queue
from notefly.adapters.jetstream.wakeups import NatsWakeups
from notefly.config import Settings
from notefly.ports.clock import Clock
from notefly.ports.wakeups import Wakeups
from notefly.ports.work_queue import WorkQueue


class NatsEngine(Provider):
    """One connection for both."""

    scope = Scope.APP

    @provide
    async def link(self, settings: Settings) -> AsyncIterator[NatsLink]:
        async with open_link(settings.queue) as link:
            yield link

    @provide
    async def queue(
        self, link: NatsLink, settings: Settings, clock: Clock
    ) -> AsyncIterator[WorkQueue]:
        async with open_queue(link, replicas=settings.queue_replicas, clock=clock) as queue:
            yield queue

    @provide
    def wakeups(self, link: NatsLink) -> Wakeups:
        return NatsWakeups(link)
