"""One log that very many follow: it is read once, written down once, and told to all in one go.

Whoever is at the end of the log costs a call for each piece, and no timer, task or buffer. Whoever
is not (they resume, or take too slowly what they are sent) reads on from the store at their own
speed until they are there: nothing is kept for them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic

from notefly.broker import sse
from notefly.broker.listeners import (
    Entry,
    Listener,
    News,
    Place,
    Source,
    Wanted,
    who_may_stay,
)
from notefly.broker.pulse import Pulse, Shared
from notefly.broker.streaming import chunk
from notefly.domain.errors import NoteflyError

log = logging.getLogger(__name__)
AT_ONCE = 50
"""Streams that are written to before others get a turn: half a millisecond."""


class Feed(Generic[Place, Wanted]):
    """Tells everybody what is new in one log."""

    def __init__(self, source: Source[Place, Wanted], pulse: Pulse) -> None:
        self._source = source
        self._pulse = pulse
        self._behind: Shared[Place, Sequence[Entry[Place]] | None] = Shared(pulse, source.read)
        self._present: set[Listener[Place, Wanted]] = set()
        self._followers = 0
        self._telling: asyncio.Task[None] | None = None
        self._end: Place | None = None
        """Up to here everybody who is present is told; None before the first look."""
        self._told = asyncio.Event()
        """Set when all that is there was told, and never again: each time has its own."""
        self.asides = 0
        """How many were said."""
        self._aside = b""
        self._unsaid = False
        """Somebody present may not have heard the last one."""

    async def follow(self, listener: Listener[Place, Wanted], at: Place) -> None:
        """From a place on, until it is gone, has to leave, or the broker stops."""
        place: Place | None = at
        with self._pulse.listening(), self._running(), _resumable():
            while place is not None and await self._caught_up(listener, place):
                place = await self._presence(listener)

    def say(self, aside: bytes) -> None:
        """To everybody who follows now, as soon as they are at the end of the log."""
        self.asides += 1
        self._aside = chunk(aside)
        self._left_to_say()

    def _left_to_say(self) -> None:
        self._unsaid = True
        self._pulse.ring()

    def _say(self, listener: Listener[Place, Wanted]) -> None:
        """The last one is enough: each says how things are since."""
        if listener.heard != self.asides and listener.line.pour(self._aside):
            listener.heard = self.asides

    async def _presence(self, listener: Listener[Place, Wanted]) -> Place | None:
        listener.left = asyncio.get_running_loop().create_future()
        self._present.add(listener)
        if listener.heard != self.asides:
            self._left_to_say()
        try:
            return await listener.left
        finally:
            self._present.discard(listener)

    async def _caught_up(self, listener: Listener[Place, Wanted], at: Place) -> bool:
        """True once it stands where all others stand; False when it is over."""
        while self._goes_on(listener):
            if at == self._end:
                return True
            told = self._told
            found = await self._behind(at)
            if found == []:
                # It is ahead of the others, who have a pace: it waits until they are here too.
                await told.wait()
                continue
            at, found = await self._as_far_as_all(found)
            news = News(self._source, found, at)
            await news.prepare([listener])
            if (pieces := news.of(listener)) is None:
                return False
            await listener.read_on(pieces)
        return False

    async def _as_far_as_all(
        self, found: Sequence[Entry[Place]] | None
    ) -> tuple[Place, Sequence[Entry[Place]] | None]:
        """Not beyond where the others stand, so that they are met there."""
        if found is None:
            return await self._source.newest(), None
        places = [entry.place for entry in found]
        if self._end in places:
            found = found[: places.index(self._end) + 1]
        return found[-1].place, found

    def _goes_on(self, listener: Listener[Place, Wanted]) -> bool:
        running = self._telling is not None and not self._telling.done()
        return running and not listener.line.gone and not self._pulse.stopping

    @contextmanager
    def _running(self) -> Iterator[None]:
        """For as long as anybody follows."""
        self._followers += 1
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._telling.cancel()
                self._telling = None

    async def _tell(self) -> None:
        try:
            with _resumable():
                end = self._end = await self._source.newest()
                async for news in self._pulse.beats():
                    if news:
                        end = await self._news(end)
                    if self._unsaid:
                        self._unsaid = False
                        await self._to_all(self._say)
                    if not news:
                        await self._ping(end)
        finally:
            if self._telling in (None, asyncio.current_task()):
                # Else another one tells already, those who came since.
                self._end = None
                self._all_told()
                for listener in self._present:
                    listener.leave(None)

    async def _news(self, end: Place) -> Place:
        """Everything behind the end; gives the new one."""
        began = end
        while (found := await self._source.read(end)) != []:
            was = end
            end = self._end = await self._source.newest() if found is None else found[-1].place
            news = News(self._source, found, end)
            for part in self._parts():
                await news.prepare(part)
                for listener in part:
                    if not listener.left.done():
                        news.tell(listener, was)
                await asyncio.sleep(0)
        self._all_told()
        if end != began:
            await self._pulse.rest()
        return end

    async def _ping(self, end: Place) -> None:
        """To whom nothing was said for half a heartbeat: where they stand."""
        ping = chunk(sse.position(end))

        def say(listener: Listener[Place, Wanted]) -> None:
            self._say(listener)
            silent = not listener.spoken_to
            listener.spoken_to = silent and listener.line.pour(ping)

        await self._to_all(say)

    async def _to_all(self, say: Callable[[Listener[Place, Wanted]], None]) -> None:
        """What is no news; who would not be let in any more leaves instead."""
        for part in self._parts():
            staying = await who_may_stay(part)
            for listener in part:
                if listener.stay is not None and not staying[listener.stay]:
                    listener.leave(None)
                elif not listener.left.done():
                    say(listener)
            await asyncio.sleep(0)

    def _parts(self) -> Iterator[Sequence[Listener[Place, Wanted]]]:
        """Of those who are here now: who comes later comes to where these are led."""
        present = list(self._present)
        for first in range(0, len(present), AT_ONCE):
            yield present[first : first + AT_ONCE]

    def _all_told(self) -> None:
        told, self._told = self._told, asyncio.Event()
        told.set()


@contextmanager
def _resumable() -> Iterator[None]:
    """What cannot be read now ends a stream, and is there when its reader comes back."""
    try:
        yield
    except NoteflyError as error:
        log.warning("event streams end, and can be resumed: %s", error)
