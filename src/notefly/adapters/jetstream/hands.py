"""What this process has in its hands: batches that are handed out, and a few ready to be."""

import asyncio
import logging
from collections import deque
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress

from nats.aio.msg import Msg

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.link import NatsLink
from notefly.adapters.jetstream.messages import (
    DONE,
    NEVER_AGAIN,
    STILL_ON_IT,
    Held,
    as_held,
    given_back,
)
from notefly.adapters.jetstream.streams import Address
from notefly.domain.batch import BatchRef
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey
from notefly.ports.clock import Clock

LOG = logging.getLogger(__name__)
LONGEST_SECONDS = 30.0
"""What waits for its time comes by so often: it may have been given to nobody meanwhile."""
COPY_SECONDS = 1.0
"""A newer word on a batch that is out waits until that is back."""
CONFIRM_SECONDS = 3.0
"""What is not confirmed by then comes again, and is found finished."""


class Hands:
    """Nothing is out twice, nor out and ready. Answers that do not get through change nothing:
    the server hands out again what it does not hear of."""

    def __init__(self, link: NatsLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self.out: dict[BatchKey, Held] = {}
        self._ready: dict[Address, deque[Held]] = {}
        self._idle: set[int] = set()
        self._waiting: set[asyncio.Future[None]] = set()

    async def arrived(self, message: Msg, address: Address) -> None:
        """From the server: keep it for the next receiver, unless it comes early or twice."""
        try:
            held = as_held(message, address)
        except ValueError:
            LOG.warning("somebody put something into the queue that is no batch: thrown away")
            await self._say(message.reply, NEVER_AGAIN)
        else:
            await self._arrived(held)

    async def _arrived(self, held: Held) -> None:
        known = self.out.get(held.ref.batch) or self._find(held.ref.batch)
        if known is not None and known.sequence == held.sequence:
            known.reply = held.reply
        elif known is not None:
            await self.give_back(held, COPY_SECONDS)
        elif (early := self._early(held.ref)) > 0:
            await self.give_back(held, min(early, LONGEST_SECONDS))
        else:
            self._ready.setdefault(held.address, deque()).append(held)
            self.wake()

    def take(self, addresses: Iterable[Address], rows: int) -> list[BatchRef]:
        """Hand out, in the order of the lanes, until there are enough."""
        taken: list[Held] = []
        size = 0
        for address in addresses:
            ready = self._ready.get(address, deque())
            while ready and size < rows:
                taken.append(ready.popleft())
                size += taken[-1].ref.size
        self.out.update((held.ref.batch, held) for held in taken)
        return [held.ref for held in taken]

    def ready(self, addresses: Iterable[Address]) -> Sequence[BatchRef]:
        return [held.ref for address in addresses for held in self._ready.get(address, ())]

    def forget(self, batch: BatchKey) -> None:
        """It was replaced in the stream."""
        for ready in self._ready.values():
            for held in [held for held in ready if held.ref.batch == batch]:
                ready.remove(held)

    async def done(self, batches: Iterable[Held]) -> None:
        """All at once, each confirmed by the server."""
        await asyncio.gather(*(self._confirm(held) for held in batches))

    async def give_back(self, held: Held, delay_seconds: float) -> None:
        await self._say(held.reply, given_back(delay_seconds))

    async def keep(self) -> None:
        """Tell the server that we are still on it; give back what nobody took since the last."""
        await self.let_go(self._idle)
        kept = [held for ready in self._ready.values() for held in ready]
        self._idle = {held.sequence for held in kept}
        for held in [*kept, *self.out.values()]:
            await self._say(held.reply, STILL_ON_IT)

    async def let_go(self, sequences: Container[int]) -> None:
        """Give back what is ready and among them."""
        gone: list[Held] = []
        for address, ready in self._ready.items():
            gone += [held for held in ready if held.sequence in sequences]
            self._ready[address] = deque(held for held in ready if held.sequence not in sequences)
        for held in gone:
            await self.give_back(held, 0)

    async def let_all_go(self) -> None:
        await self.let_go({held.sequence for ready in self._ready.values() for held in ready})

    def wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, at_most_seconds: float) -> None:
        """Until something may be there."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait([waiting], timeout=at_most_seconds)
        finally:
            self._waiting.discard(waiting)

    def _find(self, batch: BatchKey) -> Held | None:
        every = (held for ready in self._ready.values() for held in ready)
        return next((held for held in every if held.ref.batch == batch), None)

    def _early(self, ref: BatchRef) -> float:
        if ref.due_at is None:
            return 0.0
        return (ref.due_at - self._clock.now()).total_seconds()

    async def _confirm(self, held: Held) -> None:
        with suppress(Unavailable), translated():
            await self._link.client.request(held.reply, DONE, timeout=CONFIRM_SECONDS)

    async def _say(self, subject: str, answer: bytes) -> None:
        with suppress(Unavailable), translated():
            await self._link.client.publish(subject, answer)
