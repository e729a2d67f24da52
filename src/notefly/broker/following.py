"""The two logs that are followed: events, and messages as they are accepted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from notefly.broker import sse, views
from notefly.broker.door import Stay
from notefly.broker.feed import Feed
from notefly.broker.listeners import Entry, Listener, Piece, Place, Wanted, joined
from notefly.broker.pulse import Pulse
from notefly.broker.streaming import Follow, Line, chunk
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
class EventsWanted:
    """All that are given must be so."""

    message: str | None = None
    channel: str | None = None
    category: str | None = None

    def wants(self, event: Event) -> bool:
        return (
            self.message in (None, event.message)
            and self.channel in (None, event.channel)
            and self.category in (None, event.category)
        )


@dataclass(frozen=True, slots=True)
class MessagesWanted:
    """Of some categories, or all; for one subscriber: what they follow, and on which channels."""

    categories: frozenset[str]
    subscriber: SubscriberId | None

    def wants(self, message: Message) -> bool:
        within = not self.categories or message.content.category in self.categories
        return within and message.content.only in (None, self.subscriber)


class Events:
    """The event log, as a feed reads it."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def newest(self) -> int:
        return await self._log.last()

    async def read(self, at: int) -> Sequence[Entry[int]] | None:
        found = await self._log.read(at, CHUNK)
        if found is None:
            return None
        return [Entry(e.id, (e, sse.event(e.id, views.event(e)))) for e in found]

    async def pieces(
        self, found: Sequence[Entry[int]], wanted: EventsWanted
    ) -> Sequence[Piece[int]]:
        return joined(
            (entry.place, written if wanted.wants(event) else b"")
            for entry in found
            for event, written in [entry.what]
        )


class Messages:
    """The messages, as a feed reads them."""

    def __init__(self, messages: MessageStore, subscribers: SubscriberStore) -> None:
        self._messages = messages
        self._subscribers = subscribers

    async def newest(self) -> MessageId:
        page = await self._messages.list(1, None, None)
        return page.items[0].message.id if page.items else NOWHERE

    async def read(self, at: MessageId) -> Sequence[Entry[MessageId]]:
        """Where nothing was before, all are new, and the oldest come first."""
        if at != NOWHERE:
            return _entries(await self._messages.after(at, None, CHUNK))
        page = await self._messages.list(CHUNK, None, None)
        while page.next is not None:
            page = await self._messages.list(CHUNK, page.next, None)
        return _entries(status.message for status in reversed(page.items))

    async def pieces(
        self, found: Sequence[Entry[MessageId]], wanted: MessagesWanted
    ) -> Sequence[Piece[MessageId]]:
        whose = wanted.subscriber
        chosen = None if whose is None else await self._choices(whose)
        return joined((entry.place, _written(entry.what, wanted, chosen)) for entry in found)

    async def _choices(self, subscriber: SubscriberId) -> Mapping[str, list[str]]:
        found = await self._subscribers.get(subscriber)
        chosen = found.profile.preferences if found else Preferences()
        by_category: dict[str, list[str]] = {}
        for category, channel in sorted(chosen.choices()):
            by_category.setdefault(category, []).append(channel)
        return by_category


@dataclass(frozen=True, slots=True)
class Following(Generic[Place, Wanted]):
    """A stream that was let in: where it begins, and what it is told."""

    feed: Feed[Place, Wanted]
    at: Place
    wanted: Wanted
    stay: Stay | None
    missed: bool
    """Some of what the client asked for is not kept any more."""
    heard: int
    """Asides that were said before."""

    async def __call__(self, line: Line) -> None:
        reset = sse.reset(self.at) if self.missed else b""
        listener = Listener[Place, Wanted](line, self.wanted, self.stay, self.heard)
        await listener.read_on([Piece(self.at, chunk(sse.opening(self.at) + reset))])
        await self.feed.follow(listener, self.at)


class FollowEvents:
    """The event log from a place on, or from now on."""

    def __init__(self, log: EventLog, pulse: Pulse) -> None:
        self._source = Events(log)
        self._feed = Feed[int, EventsWanted](self._source, pulse)

    async def __call__(self, after: int | None, wanted: EventsWanted, stay: Stay | None) -> Follow:
        """`reset` tells a client that what it missed is not kept any more."""
        last = await self._source.newest()
        at = last if after is None or not 0 <= after <= last else after
        missed = after is not None and at != after
        return Following(self._feed, at, wanted, stay, missed, self._feed.asides)

    def tell_chaos(self, channels: Iterable[str]) -> None:
        """These misbehave on purpose from now on, and no others: no fact of the log."""
        self._feed.say(sse.aside("chaos", {"channels": sorted(channels)}))


class FollowMessages:
    """Messages as they are accepted, oldest first."""

    def __init__(self, messages: MessageStore, subscribers: SubscriberStore, pulse: Pulse) -> None:
        self._messages = messages
        self._source = Messages(messages, subscribers)
        self._feed = Feed[MessageId, MessagesWanted](self._source, pulse)

    async def __call__(
        self, after: str | None, wanted: MessagesWanted, stay: Stay | None
    ) -> Follow:
        """From behind a message on, or from now on."""
        known = await self._known(after)
        missed = known is None and after is not None
        at = await self._source.newest() if known is None else known
        return Following(self._feed, at, wanted, stay, missed, self._feed.asides)

    async def _known(self, written: str | None) -> MessageId | None:
        """The message that a client says it saw last, if there is one."""
        if written == NOWHERE:
            return NOWHERE
        try:
            message = parse_message_id(written or "")
        except NotFound:
            return None
        return message if await self._messages.get(message) is not None else None


def _entries(messages: Iterable[Message]) -> list[Entry[MessageId]]:
    return [Entry(message.id, message) for message in messages]


def _written(
    message: Message, wanted: MessagesWanted, chosen: Mapping[str, list[str]] | None
) -> bytes:
    category = message.content.category
    if not wanted.wants(message) or (chosen is not None and category not in chosen):
        return b""
    told = views.streamed(message, None if chosen is None else chosen[category])
    return sse.event(message.id, told)
