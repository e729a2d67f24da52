"""Putting batches into the stream: many at a time, each kept once."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import NamedTuple

from nats.aio.msg import Msg

from notefly.adapters.jetstream.errors import translated
from notefly.adapters.jetstream.line import Line
from notefly.adapters.jetstream.link import REPLY_SECONDS, NatsLink
from notefly.adapters.jetstream.messages import alike, read, written
from notefly.adapters.jetstream.streams import LANES, Streams
from notefly.adapters.jetstream.wire import Sheet
from notefly.domain.batch import BatchRef
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.clock import Clock

TOGETHER = 250
"""Stored all or none (ADR-50; a thousand at most): while the servers store some, the next are
written, and one that is there already sends no more than these through a second look."""
AGAIN_SECONDS = 0.2
AT_ONCE = 4
"""Of those, on their way: the server allows 50 from all processes together."""
IN_FLIGHT = 256
"""Of single ones."""
FIRST = 2
"""Batches of a message in an offer that go through the lane for small ones."""
REMEMBERED = 10_000
THERE_ALREADY = 10071
"""The server's code for a last sequence that is not the one expected."""
LISTED = frozenset({"204", "404"})


class Known(NamedTuple):
    """A batch as it is in the stream."""

    sequence: int
    ref: BatchRef


class Post(NamedTuple):
    """What is published for a batch; `pattern` are the subjects on which it may be already."""

    ref: BatchRef
    subject: str
    pattern: str


class Offering:
    """See `WorkQueue.offer`."""

    def __init__(self, link: NatsLink, streams: Streams, clock: Clock) -> None:
        self._link = link
        self._streams = streams
        self._listing = Line(link)
        self._clock = clock
        self._names = count()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._acked: dict[BatchKey, int] = {}
        self._name = link.inbox().rpartition(".")[2]

    async def put(self, refs: Sequence[BatchRef]) -> list[BatchKey]:
        """Which of them replaced what was said of the same batch. Raises Unavailable."""
        posts = list(self._posts(refs))
        starts = range(0, len(posts), TOGETHER)
        chunks = [self._put_surely(posts[start : start + TOGETHER]) for start in starts]
        return [batch for replaced in await asyncio.gather(*chunks) for batch in replaced]

    async def _put_surely(self, posts: Sequence[Post]) -> list[BatchKey]:
        async with self._room:
            try:
                return await self._put(posts)
            except Unavailable:
                # Wiped, perhaps: then the stream is made anew. One that was just made, or has just
                # elected, is not known yet to every node.
                self._streams.forget()
                await asyncio.sleep(AGAIN_SECONDS)
                return await self._put(posts)

    def acked(self, batch: BatchKey, sequence: int) -> None:
        """A cluster deletes it a moment later; what is offered meanwhile is no copy of it."""
        self._acked[batch] = sequence
        if len(self._acked) > REMEMBERED:
            del self._acked[next(iter(self._acked))]

    async def _put(self, posts: Sequence[Post]) -> list[BatchKey]:
        with translated():
            await self._streams.ensure()
            if await self._together(posts):
                return []
            return await self._put_what_is_new(posts)

    async def _put_what_is_new(self, posts: Sequence[Post]) -> list[BatchKey]:
        known = await self._look_up(posts)
        now = self._clock.now()
        stale = {
            post.ref.batch: known[post.ref.batch].sequence
            for post in posts
            if post.ref.batch in known and self._outdates(post.ref, known[post.ref.batch], now)
        }
        await asyncio.gather(*(self._streams.delete(one) for one in stale.values()))
        todo = [p for p in posts if p.ref.batch not in known or p.ref.batch in stale]
        if todo and not await self._together(todo):
            # Some came into the stream meanwhile, or are on their way out: each for itself, then.
            room = asyncio.Semaphore(IN_FLIGHT)
            await asyncio.gather(*(self._alone(post, room) for post in todo))
        return list(stale)

    def _outdates(self, ref: BatchRef, known: Known, now: datetime) -> bool:
        """Whether it says something new, or the one that is known is acked already."""
        return self._acked.get(ref.batch) == known.sequence or not alike(known.ref, ref, now)

    async def _together(self, posts: Sequence[Post]) -> bool:
        """All are stored, or none: False if the server would not, for one that is there already."""
        name = f"{self._name}-{next(self._names)}"
        *others, last = posts
        if not others:
            return await self._stored(last, {})
        await self._link.client.publish_all(
            Sheet(post.subject, _headers(post, _part(name, number)), written(post.ref))
            for number, post in enumerate(others, 1)
        )
        return await self._stored(last, {**_part(name, len(posts)), "Nats-Batch-Commit": "1"})

    async def _alone(self, post: Post, room: asyncio.Semaphore) -> None:
        async with room:
            if not await self._stored(post, {}) and post.ref.batch in self._acked:
                await self._streams.delete(self._acked[post.ref.batch])
                await self._stored(post, {})

    async def _stored(self, post: Post, more: dict[str, str]) -> bool:
        answer = await self._link.client.request(
            post.subject, written(post.ref), timeout=REPLY_SECONDS, headers=_headers(post, more)
        )
        error = json.loads(answer.data).get("error")
        if error is None:
            return True
        if error.get("err_code") == THERE_ALREADY:
            return False
        raise Unavailable(f"the queue does not take work now: {error.get('description')}")

    async def _look_up(self, posts: Sequence[Post]) -> dict[BatchKey, Known]:
        known: dict[BatchKey, Known] = {}

        async def listed(message: Msg) -> None:
            with suppress(ValueError):
                ref = read(message.data)
                known[ref.batch] = Known(int((message.headers or {})["Nats-Sequence"]), ref)

        request = {"multi_last": [post.pattern for post in posts], "batch": len(posts)}
        subject = f"$JS.API.DIRECT.GET.{self._streams.name}"
        asked = json.dumps(request).encode()
        ended = await (
            await self._listing.ask(subject, asked, listed, len(posts) + 1, REPLY_SECONDS)
        )
        if ended not in LISTED:
            raise Unavailable(f"the queue does not say what it holds: {ended}")
        return known

    def _posts(self, refs: Sequence[BatchRef]) -> Iterator[Post]:
        ahead: Counter[tuple[MessageKey, str]] = Counter()
        for ref in refs:
            ahead[ref.message, ref.channel] += 1
            lane = LANES[ahead[ref.message, ref.channel] > FIRST]
            subject = self._streams.subject(ref.channel, lane, ref.batch)
            yield Post(ref, subject, self._streams.subject(ref.channel, "*", ref.batch))


def _part(name: str, number: int) -> dict[str, str]:
    return {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(number)}


def _headers(post: Post, more: dict[str, str]) -> dict[str, str]:
    """Stored only if nothing is there for this batch, in whatever lane."""
    return {
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Expected-Last-Subject-Sequence-Subject": post.pattern,
        **more,
    }
