"""The stream and its consumers: made by whoever comes first, made again when they are gone."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from nats.js import api
from nats.js.errors import APIError, NotFoundError, ServerError

from notefly.adapters.jetstream.errors import Unfit
from notefly.adapters.jetstream.link import NatsLink

LOG = logging.getLogger(__name__)
Made = Coroutine[object, object, None]
MANAGED_SECONDS = 1.5
"""A cluster that elects does not answer at all."""
NOT_CHANGED = 10012
"""The error of a consumer that cannot be made as asked: also of one that is there, on disk."""
LANES = ("small", "large")
"""The first batches of each message go through the first lane, the rest of a large one through the
second: so messages take turns."""


class Address(NamedTuple):
    """Of a lane: each has a consumer of its own."""

    channel: str
    lane: str

    @property
    def consumer(self) -> str:
        return f"{self.channel}-{self.lane}"


class Streams:
    """`name` is the stream; its subjects begin with the same in small letters."""

    def __init__(self, link: NatsLink, name: str, replicas: int, ack_wait: float) -> None:
        self._link = link
        self.name = name
        self._subjects = f"{name.lower()}.work"
        self._replicas = replicas
        self._ack_wait = ack_wait
        self._there = False
        self._consumers: set[Address] = set()
        self._making: dict[object, asyncio.Task[None]] = {}
        link.came_back(self.forget)

    def forget(self) -> None:
        """It may have been wiped: look before the next use."""
        self._there = False
        self._consumers.clear()

    def subject(self, channel: str, lane: str, batch: int | str) -> str:
        return f"{self._subjects}.{channel}.{lane}.{batch}"

    async def ensure(self) -> None:
        """The stream is there, as we want it. Raises Unfit for one that cannot become so."""
        if not self._there:
            await self._once(self.name, self._ensure)

    async def ensure_consumer(self, address: Address) -> None:
        await self.ensure()
        if address not in self._consumers:
            await self._once(address, partial(self._ensure_consumer, address))

    async def make_anew(self, address: Address) -> None:
        """A consumer that does not hand out what is there; what it had given out comes again."""
        LOG.warning("the consumer %s of %s stood still: made anew", address.consumer, self.name)
        self._consumers.discard(address)
        await self._link.streams(MANAGED_SECONDS).delete_consumer(self.name, address.consumer)
        await self.ensure_consumer(address)

    async def messages(self) -> int:
        await self.ensure()
        return (await self._link.streams(MANAGED_SECONDS).stream_info(self.name)).state.messages

    async def delete(self, sequence: int) -> None:
        """One message, if it is still there."""
        with suppress(APIError):
            await self._link.streams(MANAGED_SECONDS).delete_msg(self.name, sequence)

    async def messages_of(self, address: Address) -> int:
        """Those of a lane; asked for when few are expected, because they are listed."""
        pattern = self.subject(*address, ">")
        info = await self._link.streams(MANAGED_SECONDS).stream_info(
            self.name, subjects_filter=pattern
        )
        return sum((info.state.subjects or {}).values())

    async def consumer_info(self, address: Address) -> api.ConsumerInfo:
        streams = self._link.streams(MANAGED_SECONDS)
        info: api.ConsumerInfo = await streams.consumer_info(self.name, address.consumer)
        return info

    async def _once(
        self, what: object, make: Callable[[], Coroutine[object, object, None]]
    ) -> None:
        """Whoever wants it while it is made waits for that, and shares what comes of it."""

        def made(task: asyncio.Task[None]) -> None:
            del self._making[what]
            if not task.cancelled():
                task.exception()

        if what not in self._making:
            self._making[what] = asyncio.create_task(make())
            self._making[what].add_done_callback(made)
        await asyncio.shield(self._making[what])

    async def _ensure_consumer(self, address: Address) -> None:
        streams, wanted = self._link.streams(MANAGED_SECONDS), self._consumer(address)
        try:
            await streams.add_consumer(self.name, wanted)
        except ServerError as error:
            if (
                error.err_code != NOT_CHANGED
                or (await self.consumer_info(address)).config.mem_storage
            ):
                raise
            # An earlier version made it, on disk; what it had given out comes again.
            with suppress(NotFoundError):
                await streams.delete_consumer(self.name, address.consumer)
            await streams.add_consumer(self.name, wanted)
        self._consumers.add(address)

    async def _ensure(self) -> None:
        await self._ensure_stream()
        self._there = True

    async def _ensure_stream(self) -> None:
        streams = self._link.streams(MANAGED_SECONDS)
        wanted = self._stream()
        try:
            there = (await streams.stream_info(self.name)).config
        except NotFoundError:
            await streams.add_stream(wanted)
            return
        if there.retention != wanted.retention:
            # The server changes everything else of a stream, not this.
            raise Unfit(
                f"the stream {self.name} at {self._link.addresses} is not Notefly's: it keeps "
                f"messages by {there.retention}, not as a work queue; delete it with "
                f"`nats stream rm {self.name}` (what waits is offered again), or point "
                "NOTEFLY_QUEUE elsewhere"
            )
        if any(getattr(there, key) != getattr(wanted, key) for key in CHANGEABLE):
            changed = {key: getattr(wanted, key) for key in CHANGEABLE}
            await streams.update_stream(there, **changed)

    def _stream(self) -> api.StreamConfig:
        return api.StreamConfig(
            name=self.name,
            subjects=[self.subject("*", "*", "*")],
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.FILE,
            # What was taken is never dropped to make room, and none is refused for want of it.
            discard=api.DiscardPolicy.NEW,
            discard_new_per_subject=False,
            max_age=0,
            max_bytes=-1,
            max_msgs=-1,
            max_msgs_per_subject=-1,
            num_replicas=self._replicas,
            allow_direct=True,
            allow_atomic=True,
        )

    def _consumer(self, address: Address) -> api.ConsumerConfig:
        return api.ConsumerConfig(
            durable_name=address.consumer,
            filter_subject=self.subject(*address, "*"),
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait,
            # Attempts are counted in the store; what waits for its time counts as handed out here.
            max_deliver=-1,
            max_ack_pending=-1,
            max_waiting=4_096,
            # What is out is a hint of what is leased, and not worth a flush for each ack.
            mem_storage=True,
        )


CHANGEABLE = (
    "num_replicas",
    "allow_direct",
    "allow_atomic",
    "discard",
    "discard_new_per_subject",
    "max_age",
    "max_bytes",
    "max_msgs",
    "max_msgs_per_subject",
)
"""What a stream that is there already is given too, whoever made it."""
