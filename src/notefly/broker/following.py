"""What the two streams send: events of the log, and messages as they are accepted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from notefly.application.chaos import Chaos
from notefly.broker import sse, views
from notefly.broker.pulse import Pulse, Shared
from notefly.domain.errors import NotFound
from notefly.domain.ids import MessageId, SubscriberId, parse_message_id
from notefly.domain.log import Event
from notefly.domain.message import Message
from notefly.domain.subscriber import Preferences
from notefly.ports.event_log import EventLog
from notefly.ports.message_store import MessageStore
from notefly.ports.subscriber_store import SubscriberStore

CHUNK = 200
"""Events or messages that are read at once."""
NOWHERE = MessageId("0")
"""Where a stream of messages stands before the first one."""
Written = tuple[Event, bytes]


class Silence:
    """How long a stream has said nothing; wakes that bring nothing do not count as words."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._since = asyncio.get_running_loop().time()

    def broken(self) -> None:
        self._since = asyncio.get_running_loop().time()

    @property
    def too_long(self) -> bool:
        return asyncio.get_running_loop().time() - self._since >= self._longest


class FollowEvents:
    """The event log from a place on, or from now on; and which channels misbehave on purpose."""

    def __init__(self, log: EventLog, pulse: Pulse, chaos: Chaos) -> None:
        self._log = log
        self._pulse = pulse
        self._chaos = chaos
        self._behind: Shared[int, list[Written] | None] = Shared(pulse, self._read)

    async def __call__(
        self, after: int | None, wants: Callable[[Event], bool]
    ) -> AsyncIterator[bytes]:
        """`reset` tells a client that what it missed is not kept any more.

        `chaos` tells that dials were turned, which is no fact of the log: it is not resumed.
        """
        last = await self._log.last()
        at = last if after is None or not 0 <= after <= last else after
        silence = Silence(self._pulse.heartbeat_seconds)
        misbehaving = self._chaos.misbehaving
        yield sse.opening(at)
        if after is not None and at != after:
            yield sse.reset(at)
        async for woken in self._pulse.beats():
            while woken and (found := await self._behind(at)) != []:
                if found is None:
                    at = await self._log.last()
                    yield sse.reset(at)
                    break
                at = found[-1][0].id
                if chosen := b"".join(written for event, written in found if wants(event)):
                    silence.broken()
                    yield chosen
            if misbehaving != self._chaos.misbehaving:
                misbehaving = self._chaos.misbehaving
                yield sse.event(at, {"channels": sorted(misbehaving)}, "chaos")
            if silence.too_long:
                silence.broken()
                yield sse.position(at)

    async def _read(self, after: int) -> list[Written] | None:
        found = await self._log.read(after, CHUNK)
        if found is None:
            return None
        return [(event, sse.event(event.id, views.event(event))) for event in found]


class FollowMessages:
    """Messages as they are accepted, oldest first."""

    def __init__(self, messages: MessageStore, subscribers: SubscriberStore, pulse: Pulse) -> None:
        self._messages = messages
        self._subscribers = subscribers
        self._pulse = pulse
        self._behind: Shared[MessageId | None, Sequence[Message]] = Shared(pulse, self._read)

    async def __call__(
        self, after: str | None, categories: frozenset[str], subscriber: SubscriberId | None
    ) -> AsyncIterator[bytes]:
        """For one subscriber: what they follow, and on which channels; else everything."""
        at = await self._known(after)
        missed = at is None and after not in (None, NOWHERE)
        if at is None and after != NOWHERE:
            at = await self._newest()
        silence = Silence(self._pulse.heartbeat_seconds)
        yield sse.opening(at or NOWHERE)
        if missed:
            yield sse.reset(at or NOWHERE)
        async for woken in self._pulse.beats():
            while woken and (found := await self._behind(at)):
                at = found[-1].id
                if told := await self._told(found, categories, subscriber):
                    silence.broken()
                    yield b"".join(sse.event(value["id"], value) for value in told)
            if silence.too_long:
                silence.broken()
                yield sse.position(at or NOWHERE)

    async def _read(self, at: MessageId | None) -> Sequence[Message]:
        """The next messages; where nothing was before, all are new, and the oldest come first."""
        if at is not None:
            return await self._messages.after(at, None, CHUNK)
        page = await self._messages.list(CHUNK, None, None)
        while page.next is not None:
            page = await self._messages.list(CHUNK, page.next, None)
        return [status.message for status in reversed(page.items)]

    async def _newest(self) -> MessageId | None:
        page = await self._messages.list(1, None, None)
        return page.items[0].message.id if page.items else None

    async def _known(self, written: str | None) -> MessageId | None:
        """The message that a client says it saw last, if there is one."""
        try:
            message = parse_message_id(written or "")
        except NotFound:
            return None
        return message if await self._messages.get(message) is not None else None

    async def _told(
        self, found: Sequence[Message], categories: frozenset[str], subscriber: SubscriberId | None
    ) -> list[views.StreamedView]:
        chosen = await self._choices(subscriber) if subscriber is not None else None
        return [
            views.streamed(message, None if chosen is None else chosen[message.content.category])
            for message in found
            if (not categories or message.content.category in categories)
            and message.content.only in (None, subscriber)
            and (chosen is None or message.content.category in chosen)
        ]

    async def _choices(self, subscriber: SubscriberId) -> Mapping[str, list[str]]:
        found = await self._subscribers.get(subscriber)
        chosen = found.profile.preferences if found else Preferences()
        by_category: dict[str, list[str]] = {}
        for category, channel in sorted(chosen.choices()):
            by_category.setdefault(category, []).append(channel)
        return by_category
