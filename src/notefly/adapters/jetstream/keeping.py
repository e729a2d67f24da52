"""What has to be done at times, whether anybody calls or not."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

from nats.js.api import ConsumerInfo

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.hands import Hands
from notefly.adapters.jetstream.pulling import Puller
from notefly.adapters.jetstream.streams import Address, Streams
from notefly.domain.errors import Unavailable

LOG = logging.getLogger(__name__)
STALLED = 3
"""Looks in a row at which a consumer kept back what is there."""
FEW = 1_000
"""More are not listed at every look."""
STILL = 75
"""Looks in a row at which it gave out nothing, and waited for answers that nobody here owes."""


class Kept(Protocol):
    """The queue that is looked after."""

    pullers: dict[Address, Puller]

    async def pay(self) -> None:
        """Offer what is owed."""
        ...


class Keeper:
    """Keeps what is out, gives back what lies idle, and makes stalled consumers anew."""

    def __init__(self, queue: Kept, hands: Hands, streams: Streams) -> None:
        self._queue = queue
        self._hands = hands
        self._streams = streams
        self._stalled: Counter[Address] = Counter()
        self._still: dict[Address, tuple[int, int]] = {}

    async def run(self, every_seconds: float) -> None:
        await asyncio.gather(
            # A loop of its own: a slow look must not let go of what is out.
            self._at_times(self._hands.keep, every_seconds),
            self._at_times(self._look, every_seconds),
        )

    async def _at_times(self, work: Callable[[], Awaitable[None]], every_seconds: float) -> None:
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await work()
            except Unavailable as error:
                LOG.debug("the queue is not looked after: %s", error)
            except Exception:
                LOG.exception("trouble in looking after the queue; it goes on")

    async def _look(self) -> None:
        await self._queue.pay()
        for puller in list(self._queue.pullers.values()):
            if puller.empty:
                with translated():
                    await self._look_at(puller)
            else:
                self._stalled.pop(puller.address, None)

    async def _look_at(self, puller: Puller) -> None:
        address = puller.address
        info = await self._streams.consumer_info(address)
        self._stalled[address] += 1
        if not await self._keeps_back(puller, info) and not self._stands_still(address, info):
            del self._stalled[address]
        elif self._stalled[address] >= STALLED:
            del self._stalled[address]
            self._still.pop(address, None)
            await self._streams.make_anew(address)

    async def _keeps_back(self, puller: Puller, info: ConsumerInfo) -> bool:
        """Whether there is something that it does not give, or does not know of."""
        if info.num_pending:
            await puller.fetch(1)
            return puller.empty
        given = info.num_ack_pending or 0
        return given < FEW and await self._streams.messages_of(puller.address) > given

    def _stands_still(self, address: Address, info: ConsumerInfo) -> bool:
        """Others hold it all, and for so long that they may be gone without its noticing."""
        given = info.delivered.consumer_seq if info.delivered else 0
        mine = sum(held.address == address for held in self._hands.out.values())
        before, looks = self._still.get(address, (given, 0))
        waits = given == before and (info.num_ack_pending or 0) > mine
        self._still[address] = (given, looks + 1 if waits else 0)
        return self._still[address][1] >= STILL
