"""What all streams wait for: one watch serves them all, and what one reads is read for all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from notefly.broker.lifecycle import Lifecycle

P = TypeVar("P", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Beat:
    """How often streams speak: each at least every `heartbeat`, and none more often than `pace`."""

    heartbeat_seconds: float = 15.0
    pace_seconds: float = 0.05
    pace_per_stream_seconds: float = 0.0002
    """The more streams there are, the less often each is woken."""


DEFAULT_BEAT = Beat()


class Pulse:
    """Rings after commits, for as long as anybody listens."""

    def __init__(
        self, watch: Callable[[], AsyncIterator[None]], lifecycle: Lifecycle, beat: Beat
    ) -> None:
        """`watch` as an `EventLog` has it."""
        self.rung = asyncio.Event()
        """Set at the next ring, and never again: each ring has its own."""
        self._open_watch = watch
        self._stopping = lifecycle.stopping
        self._beat = beat
        self._streams = 0
        self._watching: asyncio.Task[None] | None = None

    async def beats(self) -> AsyncIterator[bool]:
        """True when there may be something to read, False when it is time for a heartbeat.

        Begins with True, and ends when the broker stops. Whatever is committed while the caller
        reads rings once more.
        """
        async with self._listening():
            while not self._stopping.is_set():
                rung = self.rung
                yield True
                while not await self._rings(rung):
                    yield False

    @property
    def heartbeat_seconds(self) -> float:
        return self._beat.heartbeat_seconds

    async def _rings(self, rung: asyncio.Event) -> bool:
        try:
            async with asyncio.timeout(self._beat.heartbeat_seconds):
                await rung.wait()
        except TimeoutError:
            return False
        return True

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        self._streams += 1
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._streams -= 1
            if not self._streams and self._watching is not None:
                self._watching.cancel()
                self._watching = None

    async def _watch(self) -> None:
        ending = asyncio.create_task(self._end())
        wakes = self._open_watch()
        try:
            async for _ in wakes:
                self.ring()
                pace = self._beat.pace_seconds + self._streams * self._beat.pace_per_stream_seconds
                await asyncio.sleep(pace)
        finally:
            ending.cancel()
            if aclose := getattr(wakes, "aclose", None):
                await aclose()

    async def _end(self) -> None:
        await self._stopping.wait()
        self.ring()

    def ring(self) -> None:
        """There is something to tell that no commit brings."""
        rung, self.rung = self.rung, asyncio.Event()
        rung.set()


class Shared(Generic[P, V]):
    """A way to read that is used once per place between two rings, however many ask.

    A read that began before a ring may not have seen what was committed before it, so it is not
    shared beyond the ring.
    """

    def __init__(self, pulse: Pulse, read: Callable[[P], Awaitable[V]]) -> None:
        self._pulse = pulse
        self._read = read
        self._since = pulse.rung
        self._reads: dict[P, asyncio.Future[V]] = {}

    async def __call__(self, place: P) -> V:
        if self._since is not self._pulse.rung:
            self._since = self._pulse.rung
            self._reads = {}
        if place not in self._reads:
            self._reads[place] = asyncio.ensure_future(self._read(place))
        return await asyncio.shield(self._reads[place])
