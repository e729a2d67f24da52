"""What all streams wait for: one watch and one clock serve them all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from notefly.broker.lifecycle import Lifecycle

P = TypeVar("P", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Beat:
    """How often streams speak: each at least every `heartbeat`, and none more often than `pace`."""

    heartbeat_seconds: float = 15.0
    look_seconds: float = 0.005
    """No more often is it looked whether a commit brought anything."""
    pace_seconds: float = 0.05
    pace_per_stream_seconds: float = 0.00005
    """The more streams there are, the less often they are written to: that takes some 10 µs each,
    so a fifth of a core at most."""


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
        """True when there may be something to read, False twice in each heartbeat.

        Begins with True, and ends when the broker stops. Whatever is committed while the caller
        reads rings once more.
        """
        clock = asyncio.get_running_loop().time
        due = clock() + self._beat.heartbeat_seconds / 2
        while not self._stopping.is_set():
            rung = self.rung
            yield True
            while not rung.is_set() or clock() >= due:
                if clock() >= due:
                    yield False
                    due = clock() + self._beat.heartbeat_seconds / 2
                else:
                    await _until(rung, due)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    async def rest(self) -> None:
        """After something was told to all; until the broker stops at most."""
        pace = self._beat.pace_seconds + self._streams * self._beat.pace_per_stream_seconds
        await _until(self._stopping, asyncio.get_running_loop().time() + pace)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """For one stream, as long as it is open."""
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
                await asyncio.sleep(self._beat.look_seconds)
        finally:
            ending.cancel()
            if aclose := getattr(wakes, "aclose", None):
                await aclose()

    async def _end(self) -> None:
        await self._stopping.wait()
        self.ring()

    def ring(self) -> None:
        """There may be something to tell: after a commit, or that no commit brings."""
        rung, self.rung = self.rung, asyncio.Event()
        rung.set()


async def _until(happens: asyncio.Event, due: float) -> None:
    try:
        async with asyncio.timeout_at(due):
            await happens.wait()
    except TimeoutError:
        return


class Shared(Generic[P, V]):
    """A way to read that is used once for all who ask for the same place at the same time.

    A read that began before a ring may not have seen what was committed before it, so it is not
    shared beyond the ring; and nothing that was read is kept.
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
        reads = self._reads
        if place not in reads:
            reads[place] = asyncio.ensure_future(self._read(place))
            reads[place].add_done_callback(lambda _: reads.pop(place))
        return await asyncio.shield(reads[place])
