"""The work queue on JetStream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

from nats.js.errors import APIError

from notefly.adapters.jetstream.errors import Unfit, definite, lacks_peers, said, translated
from notefly.adapters.jetstream.hands import Hands
from notefly.adapters.jetstream.keeping import Keeper
from notefly.adapters.jetstream.link import START_SECONDS, NatsLink
from notefly.adapters.jetstream.messages import Held
from notefly.adapters.jetstream.offering import Offering
from notefly.adapters.jetstream.pulling import LINGER_SECONDS, Puller
from notefly.adapters.jetstream.streams import LANES, Address, Streams
from notefly.domain.batch import BATCH_LIMIT, BatchRef
from notefly.domain.errors import QueueUnusable, Unavailable
from notefly.domain.ids import BatchKey
from notefly.ports.clock import Clock
from notefly.ports.work_queue import WorkQueue

ACK_WAIT_SECONDS = 10.0
LARGE_EVERY = 4
"""Of so many calls of `receive` one looks at the large lane first."""
MOST_AT_ONCE = 256
OWED = 10_000
UNCONFIRMED = 1_000
"""Acks under way before whoever adds to them waits."""
PAUSE_SECONDS = 0.5
"""Before a server that is away is asked again."""


class JetStreamQueue:
    """See `WorkQueue`."""

    def __init__(self, link: NatsLink, streams: Streams, hands: Hands, clock: Clock) -> None:
        self._link = link
        self._streams = streams
        self._hands = hands
        self._offering = Offering(link, streams, clock)
        self._again: dict[BatchKey, BatchRef] = {}
        self._owed: dict[BatchKey, BatchRef] = {}
        self._calls = count(1)
        self._acking: dict[BatchKey, asyncio.Task[None]] = {}
        self._errands: set[asyncio.Task[None]] = set()
        self.pullers: dict[Address, Puller] = {}
        link.came_back(self._look_again)

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        if under_way := {self._acking[ref.batch] for ref in refs if ref.batch in self._acking}:
            # Its acked message is still there, and would be taken for what is offered.
            await asyncio.wait(under_way)
        fresh: dict[BatchKey, BatchRef] = {}
        for ref in refs:
            # Somebody has it: what is offered now counts when it comes back.
            (self._again if ref.batch in self._hands.out else fresh)[ref.batch] = ref
        try:
            replaced = await self._offering.put(list(fresh.values()))
        except Unavailable:
            self._owe(fresh)
            raise
        for batch in replaced:
            self._hands.forget(batch)

    async def receive(self, channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
        lanes = LANES if next(self._calls) % LARGE_EVERY else LANES[::-1]
        addresses = [Address(channel, lane) for lane in lanes for channel in sorted(channels)]
        while True:
            try:
                await self._fill(addresses, rows)
                answered = True
            except Unavailable:
                answered = False
            if taken := self._hands.take(addresses, rows):
                return taken
            # A server that is away, or a cluster that elects, is not asked without a break.
            await (self._linger(addresses) if answered else asyncio.sleep(PAUSE_SECONDS))
            # What has just come does not wait for a look at what else there may be.
            if taken := self._hands.take(addresses, rows):
                return taken

    async def ack(self, batches: Sequence[BatchKey]) -> None:
        """What is recorded waits for no server: it is confirmed while the next is delivered."""
        returned = [self._hands.out.pop(key) for key in batches if key in self._hands.out]
        if not returned:
            await self._offer_again(batches)
            return
        acking = asyncio.create_task(self._ack(returned))
        self._acking |= dict.fromkeys((held.ref.batch for held in returned), acking)
        self._errands.add(acking)
        acking.add_done_callback(self._errands.discard)
        if len(self._acking) > UNCONFIRMED:
            await self.settled()

    async def nack(self, batches: Sequence[BatchKey], delay_seconds: float) -> None:
        outdated = []
        for key in batches:
            held = self._hands.out.get(key)
            if held is not None and self._again.get(key) in (None, held.ref):
                self._again.pop(key, None)
                del self._hands.out[key]
                await self._hands.give_back(held, delay_seconds)
            elif held is not None:
                outdated.append(key)
        await self.ack(outdated)

    async def depth(self) -> int:
        await self.settled()
        with translated():
            return await self._streams.messages()

    async def ready(self) -> None:
        with translated():
            _ = await self._streams.messages()

    async def settled(self) -> None:
        """What was acked until now is confirmed, or comes back."""
        if self._errands:
            await asyncio.wait(self._errands)

    async def pay(self) -> None:
        """Offer what could not be offered before."""
        if self._owed:
            owed, self._owed = self._owed, {}
            with suppress(Unavailable):
                await self.offer(list(owed.values()))

    def _owe(self, refs: dict[BatchKey, BatchRef]) -> None:
        """Soon, by ourselves; what is too much, the reconciler offers again."""
        for key, ref in refs.items():
            if len(self._owed) < OWED:
                self._owed[key] = ref

    async def _ack(self, returned: Sequence[Held]) -> None:
        try:
            await self._hands.done(returned)
        finally:
            for held in returned:
                self._offering.acked(held.ref.batch, held.sequence)
                if self._acking.get(held.ref.batch) is asyncio.current_task():
                    del self._acking[held.ref.batch]
        await self._offer_again([held.ref.batch for held in returned])

    async def _offer_again(self, batches: Sequence[BatchKey]) -> None:
        """What was offered while it was out."""
        if again := [self._again.pop(key) for key in batches if key in self._again]:
            with suppress(Unavailable):
                await self.offer(again)

    async def _fill(self, addresses: Sequence[Address], rows: int) -> None:
        """Fetch until there is enough, lane after lane. Raises Unavailable."""
        for lane in dict.fromkeys(address.lane for address in addresses):
            every = [self._puller(address) for address in addresses if address.lane == lane]
            pullers = [puller for puller in every if not puller.nothing_there]
            more = True
            while more and (most := self._missing(addresses, rows)) > 0:
                more = any(await asyncio.gather(*(puller.fetch(most) for puller in pullers)))

    def _missing(self, addresses: Sequence[Address], rows: int) -> int:
        """How many more batches, if they are as large as those that are here."""
        sizes = [ref.size for ref in self._hands.ready(addresses)]
        missing = rows - sum(sizes)
        if missing <= 0:
            return 0
        usual = max(1, sum(sizes) // len(sizes)) if sizes else BATCH_LIMIT
        return min(MOST_AT_ONCE, -(-missing // usual))

    async def _linger(self, addresses: Sequence[Address]) -> None:
        """Until something comes; looking again at times, because the answer may be lost."""
        with suppress(Unavailable):
            for address in addresses:
                await self._puller(address).linger(self._hands.wake)
        if not self._hands.ready(addresses):
            await self._hands.wait(LINGER_SECONDS)

    def _puller(self, address: Address) -> Puller:
        if address not in self.pullers:
            self.pullers[address] = Puller(address, self._streams, self._link, self._hands.arrived)
        return self.pullers[address]

    def _look_again(self) -> None:
        for puller in self.pullers.values():
            puller.hang_up()
        self._hands.wake()


@asynccontextmanager
async def open_queue(
    link: NatsLink,
    *,
    replicas: int,
    clock: Clock,
    name: str = "NOTEFLY",
    ack_wait: float = ACK_WAIT_SECONDS,
) -> AsyncIterator[JetStreamQueue]:
    """`ack_wait`: seconds after which a silent holder's batches are handed out again.

    Raises QueueUnusable.
    """
    streams = Streams(link, name, replicas, ack_wait)
    await _found(link, streams)
    hands = Hands(link, clock)
    queue = JetStreamQueue(link, streams, hands, clock)
    keeper = asyncio.create_task(Keeper(queue, hands, streams).run(ack_wait / 3))
    try:
        yield queue
    finally:
        keeper.cancel()
        await asyncio.wait([keeper])
        await queue.settled()
        await hands.let_all_go()


async def _found(link: NatsLink, streams: Streams) -> None:
    """The stream is there; a cluster that starts too is given a little time.

    One that is away, or elects, makes it later: whoever offers or fetches sees to it.
    """
    refused: Unavailable | None = None
    for _ in range(int(START_SECONDS / PAUSE_SECONDS)):
        if not link.connected:
            return
        try:
            with translated():
                await streams.ensure()
        except Unfit as error:
            raise QueueUnusable(str(error)) from error
        except Unavailable as error:
            cause = error.__cause__
            refused = error if isinstance(cause, APIError) and definite(cause) else None
            if refused is not None and not lacks_peers(cause):
                break
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return
    if refused is not None:
        raise QueueUnusable(
            f"JetStream does not give the stream {streams.name} ({said(refused)}): "
            "NOTEFLY_QUEUE_REPLICAS must not be more than there are servers"
        ) from refused


def _meets(queue: JetStreamQueue) -> WorkQueue:
    return queue
