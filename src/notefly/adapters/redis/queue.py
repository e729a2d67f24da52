"""A work queue on Redis Streams, which may forget all of it: the store is the record.

Known limits: one Redis (6.2 or newer, `maxmemory-policy noeviction`), no cluster of them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis, RedisError

from notefly.adapters.redis.server import pool
from notefly.domain.batch import BatchRef
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.clock import Clock
from notefly.ports.work_queue import WorkQueue

ROOT = "{notefly}"
LINES = ("first", "again", "more")  # One batch of each message, what was due later, the rest.
LOOK_SECONDS = 0.5  # What becomes due, or comes between two calls, is seen so late at most.
HOLD_SECONDS = 10.0  # Of silence; then somebody else gets it. Longer than a lease of the store.


class RedisQueue:
    def __init__(self, server: Any, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._script = files(__package__).joinpath("queue.lua").read_text()
        self._held: dict[BatchKey, tuple[str, str, str]] = {}
        self._turn = 0

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        firsts = set({(ref.message, ref.channel): ref for ref in reversed(refs)}.values())
        lines = ("again" if r.due_at else "first" if r in firsts else "more" for r in refs)
        if refs:
            await self._do("offer", *map(_spelled, refs, lines))

    async def receive(self, channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
        streams = [f"{ROOT}:{line}:{name}" for line in LINES for name in channels or {""}]
        while True:
            taking = asyncio.ensure_future(self._take(streams, rows))
            try:
                if refs := await asyncio.shield(taking):
                    return refs
                new, patience = ["$"] * len(streams), int(LOOK_SECONDS * 1e3)
                await self._ask("XREAD", "BLOCK", patience, "STREAMS", *streams, *new)
            except Unavailable:
                await asyncio.sleep(LOOK_SECONDS)
            except asyncio.CancelledError:
                with suppress(Unavailable):
                    await self.nack([ref.batch for ref in await taking], 0)
                raise

    async def ack(self, batches: Sequence[BatchKey]) -> None:
        await self._back(batches, "")

    async def nack(self, batches: Sequence[BatchKey], delay_seconds: float) -> None:
        await self._back(batches, delay_seconds)

    async def depth(self) -> int:
        return int(await self._ask("HLEN", f"{ROOT}:refs"))

    async def ready(self) -> None:
        await self._ask("PING")

    async def keep(self) -> None:
        """For ever: what is held here is alive."""
        while True:
            await asyncio.sleep(HOLD_SECONDS / 3)
            for stream, entry, _ in list(self._held.values()):
                with suppress(Unavailable):
                    await self._ask("XCLAIM", stream, "workers", "all", 0, entry, "JUSTID")

    async def _take(self, streams: list[str], rows: int) -> list[BatchRef]:
        self._turn += 1
        # Every second time what small messages have comes first, else each stream by turns.
        by = 0 if self._turn % 2 else self._turn // 2 % len(streams)
        taken = await self._do("take", rows, HOLD_SECONDS, *streams[by:], *streams[:by])
        refs = [_read(text) for *_, text in taken]
        self._held.update((ref.batch, entry) for ref, entry in zip(refs, taken, strict=True))
        return refs

    async def _back(self, batches: Sequence[BatchKey], delay: float | str) -> None:
        if held := [(batch, *self._held.pop(batch)) for batch in batches if batch in self._held]:
            with suppress(Unavailable):
                await self._do("back", delay, *(word for entry in held for word in entry))

    async def _do(self, step: str, *words: str | float) -> Any:
        now = self._clock.now().timestamp()
        return await self._ask("EVAL", self._script, 1, ROOT, step, now, *words)

    async def _ask(self, *words: str | float) -> Any:
        try:
            return await self._server.execute_command(*words)
        except (RedisError, OSError) as error:
            raise Unavailable(f"Redis cannot be reached or refuses: {error}") from error
        finally:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # The driver keeps it to itself.


@asynccontextmanager
async def open_queue(url: str, *, clock: Clock) -> AsyncIterator[RedisQueue]:
    """A server that is away is no error."""
    async with Redis.from_pool(pool(url, patience_seconds=2.0)) as server:
        queue = RedisQueue(server, clock)
        keeping = asyncio.create_task(queue.keep())
        try:
            yield queue
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])


def _spelled(ref: BatchRef, line: str) -> str:
    due, stream = ref.due_at and ref.due_at.timestamp(), f"{ROOT}:{line}:{ref.channel}"
    return json.dumps([str(ref.batch), stream, ref.size, due, ref.message, ref.channel])


def _read(text: str) -> BatchRef:
    batch, _, size, due, message, channel = json.loads(text)
    due_at = due and datetime.fromtimestamp(due, UTC)
    return BatchRef(BatchKey(int(batch)), MessageKey(message), channel, size, due_at)


_: type[WorkQueue] = RedisQueue
