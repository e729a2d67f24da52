"""Rings between processes, on subjects of NATS. The connection has no echo of its own rings."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from nats.aio.msg import Msg

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.link import NatsLink
from notefly.domain.errors import Unavailable
from notefly.ports.wakeups import Topic, Wakeups

GAP_SECONDS = 0.01
"""Between two rings of a topic."""
PREFIX = "notefly"


class NatsWakeups:
    """See `Wakeups`. Installations that share servers have prefixes of their own."""

    def __init__(self, link: NatsLink, prefix: str = PREFIX) -> None:
        self._link = link
        self._subject = f"{prefix}.wakeup."
        self._heard: dict[Topic, list[Callable[[], None]]] = {topic: [] for topic in Topic}
        self._rung: dict[Topic, None] = {}
        self._ringing = False
        link.begin(link.subscribe(f"{self._subject}*", self._hear))
        link.came_back(self._missed)

    def ring(self, topic: Topic) -> None:
        self._rung[topic] = None
        if not self._ringing:
            self._ringing = True
            self._link.begin(self._ring())

    def listen(self, topic: Topic, heard: Callable[[], None]) -> None:
        self._heard[topic].append(heard)

    async def _ring(self) -> None:
        """The first at once, the others with a gap; what is rung while it is away is lost."""
        try:
            while self._rung:
                rung, self._rung = self._rung, {}
                with suppress(Unavailable), translated():
                    for topic in rung:
                        await self._link.client.publish(self._subject + topic)
                await asyncio.sleep(GAP_SECONDS)
        finally:
            self._ringing = False

    async def _hear(self, message: Msg) -> None:
        # A topic that is not known here is a newer process's.
        for topic in Topic:
            if message.subject == self._subject + topic:
                self._pass_on(topic)

    def _missed(self) -> None:
        """Nobody knows what was rung while it was away."""
        for topic in Topic:
            self._pass_on(topic)

    def _pass_on(self, topic: Topic) -> None:
        for heard in self._heard[topic]:
            heard()


def _meets(wakeups: NatsWakeups) -> Wakeups:
    return wakeups
