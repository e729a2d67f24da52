"""The work queue of one process: memory only, because the store rebuilds it.

Known limits: it holds a small record for every batch that is not finished (some 300 bytes).
"""

import asyncio
import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count, islice

from notefly.domain.batch import BatchRef
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.clock import Clock
from notefly.ports.work_queue import WorkQueue

Lines = OrderedDict[MessageKey, deque[BatchRef]]
"""The batches of each message, in the order of its turns."""


class InProcessQueue:
    """See `WorkQueue`. Messages take turns: each round takes one batch of every message."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[BatchKey, BatchRef] = {}
        self._out: set[BatchKey] = set()
        self._again: dict[BatchKey, BatchRef] = {}
        self._lines: dict[str, Lines] = {}
        self._turns: dict[MessageKey, int] = {}
        self._later: list[tuple[float, int, BatchRef]] = []
        self._order = count()
        self._changed = asyncio.Event()

    async def offer(self, refs: Sequence[BatchRef]) -> None:
        for ref in refs:
            if ref.batch in self._out:
                # Somebody has it: what is offered now counts when it comes back.
                self._again[ref.batch] = ref
            elif self._kept.get(ref.batch) != ref:
                self._kept[ref.batch] = ref
                self._place(ref, self._delay(ref.due_at))
        self._changed.set()

    async def receive(self, channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
        while True:
            self._promote()
            if refs := self._take(channels, rows):
                self._out.update(ref.batch for ref in refs)
                return refs
            self._changed.clear()
            await self._wait()

    async def ack(self, batches: Sequence[BatchKey]) -> None:
        for batch in batches:
            self._out.discard(batch)
            self._kept.pop(batch, None)
        await self._return(batches)

    async def nack(self, batches: Sequence[BatchKey], delay_seconds: float) -> None:
        for batch in batches:
            if batch in self._out:
                self._out.discard(batch)
                if self._again.get(batch) in (None, self._kept[batch]):
                    self._again.pop(batch, None)
                    self._place(self._kept[batch], delay_seconds)
        await self._return(batches)

    async def depth(self) -> int:
        return len(self._kept)

    async def ready(self) -> None:
        """It is here."""

    async def _return(self, batches: Iterable[BatchKey]) -> None:
        """Offer again what was offered while it was out."""
        await self.offer([self._again.pop(batch) for batch in batches if batch in self._again])

    def _place(self, ref: BatchRef, delay_seconds: float) -> None:
        if delay_seconds > 0:
            due = self._clock.monotonic() + delay_seconds
            heapq.heappush(self._later, (due, next(self._order), ref))
        else:
            lines = self._lines.setdefault(ref.channel, OrderedDict())
            lines.setdefault(ref.message, deque()).append(ref)

    def _promote(self) -> None:
        now = self._clock.monotonic()
        while self._later and self._later[0][0] <= now:
            self._place(heapq.heappop(self._later)[2], 0)

    def _take(self, channels: frozenset[str], rows: int) -> list[BatchRef]:
        taken: list[BatchRef] = []
        size = 0
        while size < rows and (ref := self._turn(channels)) is not None:
            if self._kept.get(ref.batch) is ref and ref.batch not in self._out:
                taken.append(ref)
                size += ref.size
        return taken

    def _turn(self, channels: frozenset[str]) -> BatchRef | None:
        """The next batch of the message that waited longest for its turn.

        It stays on its first channel until that is done, so that its rows are written in order.
        """
        heads = [
            (self._turns.get(message, 0), line[0].batch, channel)
            for channel in channels
            for message, line in _first(self._lines.get(channel))
        ]
        if not heads:
            return None
        _, _, channel = min(heads)
        message, line = next(iter(self._lines[channel].items()))
        ref = line.popleft()
        if not line:
            del self._lines[channel][message]
        self._had_its_turn(message)
        return ref

    def _had_its_turn(self, message: MessageKey) -> None:
        waiting = [lines for lines in self._lines.values() if message in lines]
        for lines in waiting:
            lines.move_to_end(message)
        if waiting:
            self._turns[message] = next(self._order)
        else:
            self._turns.pop(message, None)

    def _delay(self, due_at: datetime | None) -> float:
        if due_at is None:
            return 0.0
        return max(0.0, (due_at - self._clock.now()).total_seconds())

    async def _wait(self) -> None:
        """Until something is offered, or the first delayed batch is due."""
        at_most = None
        if self._later:
            at_most = max(0.0, self._later[0][0] - self._clock.monotonic())
        try:
            async with asyncio.timeout(at_most):
                await self._changed.wait()
        except TimeoutError:
            return


def _first(lines: Lines | None) -> Iterable[tuple[MessageKey, deque[BatchRef]]]:
    """The message whose turn is next on a channel, if there is one."""
    return islice(lines.items(), 1) if lines else ()


def _meets(queue: InProcessQueue) -> WorkQueue:
    return queue
