"""What the two streams send: events of the log, and messages as they are accepted."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from notefly.broker import sse, views
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.sse import Beat, beats
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


@dataclass(frozen=True, slots=True)
class FollowEvents:
    """The event log from a place on, or from now on."""

    log: EventLog
    lifecycle: Lifecycle
    beat: Beat

    async def __call__(
        self, after: int | None, wants: Callable[[Event], bool]
    ) -> AsyncIterator[bytes]:
        """`reset` tells a client that what it missed is not kept any more."""
        last = await self.log.last()
        at = last if after is None or not 0 <= after <= last else after
        yield sse.opening(at)
        if after is not None and at != after:
            yield _reset(at)
        async for woken in beats(self.log.watch(), self.lifecycle, self.beat):
            if not woken:
                yield sse.position(at)
            while woken and not self.lifecycle.stopping.is_set():
                found = await self.log.read(at, CHUNK)
                if found is None:
                    at = await self.log.last()
                    yield _reset(at)
                    break
                if not found:
                    break
                at = found[-1].id
                if chosen := [event for event in found if wants(event)]:
                    yield b"".join(sse.event(event.id, views.event(event)) for event in chosen)


def _reset(at: int) -> bytes:
    return sse.event(at, {"last": at}, "reset")


@dataclass(frozen=True, slots=True)
class FollowMessages:
    """Messages as they are accepted, oldest first."""

    messages: MessageStore
    subscribers: SubscriberStore
    log: EventLog
    lifecycle: Lifecycle
    beat: Beat

    async def __call__(
        self, after: str | None, categories: frozenset[str], subscriber: SubscriberId | None
    ) -> AsyncIterator[bytes]:
        """For one subscriber: what they follow, and on which channels; else everything."""
        at = await self._known(after)
        missed = at is None and after not in (None, NOWHERE)
        if at is None and (after is None or missed):
            at = await self._newest()
        yield sse.opening(at or NOWHERE)
        if missed:
            yield sse.event(at or NOWHERE, {"last": at}, "reset")
        async for woken in beats(self.log.watch(), self.lifecycle, self.beat):
            if not woken:
                yield sse.position(at or NOWHERE)
            while woken and not self.lifecycle.stopping.is_set():
                found = await self._behind(at)
                if not found:
                    break
                at = found[-1].id
                if told := await self._told(found, categories, subscriber):
                    yield b"".join(sse.event(value["id"], value) for value in told)

    async def _behind(self, at: MessageId | None) -> list[Message]:
        """The next messages; where nothing was before, all are new, and the oldest come first."""
        if at is not None:
            return list(await self.messages.after(at, None, CHUNK))
        page = await self.messages.list(CHUNK, None, None)
        while page.next is not None:
            page = await self.messages.list(CHUNK, page.next, None)
        return [status.message for status in reversed(page.items)]

    async def _newest(self) -> MessageId | None:
        page = await self.messages.list(1, None, None)
        return page.items[0].message.id if page.items else None

    async def _known(self, written: str | None) -> MessageId | None:
        """The message that a client says it saw last, if there is one."""
        try:
            message = parse_message_id(written or "")
        except NotFound:
            return None
        return message if await self.messages.get(message) is not None else None

    async def _told(
        self, found: list[Message], categories: frozenset[str], subscriber: SubscriberId | None
    ) -> list[views.StreamedView]:
        chosen = await self._choices(subscriber) if subscriber is not None else None
        return [
            views.streamed(message, None if chosen is None else chosen[message.content.category])
            for message in found
            if (not categories or message.content.category in categories)
            and message.content.only in (None, subscriber)
            and (chosen is None or chosen.get(message.content.category))
        ]

    async def _choices(self, subscriber: SubscriberId) -> Mapping[str, list[str]]:
        found = await self.subscribers.get(subscriber)
        chosen = found.profile.preferences if found else Preferences()
        by_category: dict[str, list[str]] = {}
        for category, channel in sorted(chosen.choices()):
            by_category.setdefault(category, []).append(channel)
        return by_category
