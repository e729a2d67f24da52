"""Planning: from a message's audience to batches, a key range at a time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from notefly.adapters.relational.transaction import Reading, Row, Transaction
from notefly.domain.batch import BATCH_LIMIT, BatchRef
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.batch_store import Planned

READ_AHEAD = 500
"""Unplanned messages looked at in one go."""
KNOWN = 10_000
"""Ranges that are remembered; some 3 MB."""
FOR_EVER = float("inf")
ALONE = 64
"""Batches in one turn of a message that keeps nobody waiting."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a message's planning has come: `channel` and `subscriber` are done up to here."""

    message: int
    channel: int
    subscriber: int
    category: int
    epoch: int
    only: int | None


@dataclass(frozen=True, slots=True)
class Range:
    """Some of an audience: `first` may be below its smallest key; `full` when more may follow."""

    members: int
    first: int
    last: int
    full: bool


@dataclass(slots=True)
class Ranges:
    """What is known of audiences: at a fixed epoch they never change, so they are read once.

    `known` is by epoch, category, channel, where the range begins, its size, and the one person of
    a test. Where an epoch may have been given back, to be another one later, nothing is known any
    more (`undone`).
    """

    undone: int = 0
    known: dict[tuple[int, ...], Range] = field(default_factory=dict)

    def bounded(self) -> "Ranges":
        """Forget everything when it has become much."""
        if len(self.known) > KNOWN:
            self.known.clear()
        return self

    def trusted(self, undone: int) -> "Ranges":
        """Forget everything if an epoch may have been given back since."""
        if undone != self.undone:
            self.undone = undone
            self.known.clear()
        return self


@dataclass(slots=True)
class Planner:
    """Gives every unplanned message a turn: one batch of one channel each time round.

    `turn` is the last message that had one. It is only a hint of fairness: where planning stands is
    in the store, moved on in the commit of the batches, so that a batch is made once.
    """

    turn: int = 0
    ranges: Ranges = field(default_factory=Ranges)

    def look_ahead(self, reading: Reading, sizes: Mapping[str, int]) -> None:
        """Read the ranges of the next turn, which never change, beside the writer."""
        waiting = reading.rows("batches.next_unplanned", (self.turn, READ_AHEAD))
        planning = Planning(reading, sizes, self.ranges.bounded())
        for row in waiting:
            planning.turn(Standing(*row), _steps(waiting), FOR_EVER)

    def plan(self, transaction: Transaction, sizes: Mapping[str, int], seconds: float) -> Planned:
        """One turn for everybody, or as many as have theirs in about so long; one at least.

        `more` when there may be messages left to plan.
        """
        deadline = time.perf_counter() + seconds
        waiting = transaction.rows("batches.to_plan", (self.turn, READ_AHEAD))
        planning = Planning(transaction, sizes, self.ranges.trusted(transaction.undone))
        more, self.turn = bool(waiting or self.turn), 0
        for row in waiting:
            planning.turn(Standing(*row), _steps(waiting), deadline)
            self.turn = row[0]
            if time.perf_counter() >= deadline:
                break
        return Planned(planning.store(transaction), more)


class Planning:
    """One call's work."""

    def __init__(self, reading: Reading, sizes: Mapping[str, int], ranges: Ranges) -> None:
        self._reading = reading
        # All channels that anybody ever chose: one that is not configured now keeps its batches.
        self._channels = [
            (key, name, sizes.get(name, BATCH_LIMIT))
            for key, name in reading.rows("batches.channels")
        ]
        self._ranges = ranges
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._names: list[str] = []
        self._done: list[int] = []
        self._begun: list[tuple[int, int, int]] = []

    def turn(self, at: Standing, steps: int, deadline: float) -> None:
        """A small message is planned whole in one step; a large one a batch at a time."""
        going_on = self._step(at)
        while going_on is not None and steps > 1 and time.perf_counter() < deadline:
            going_on = self._step(going_on)
            steps -= 1
        if going_on is None:
            self._done.append(at.message)
        else:
            self._begun.append((going_on.channel, going_on.subscriber, at.message))

    def _step(self, at: Standing) -> Standing | None:
        """Where it goes on; None when all of it is planned."""
        after = at.subscriber
        for channel, name, size in self._channels:
            if channel < at.channel:
                continue
            found = self._range(at, channel, after, size)
            after = 0
            if found.members:
                self._rows.append((at.message, channel, found.first, found.last, found.members))
                self._names.append(name)
            if found.full:
                return replace(at, channel=channel, subscriber=found.last)
        return None

    def store(self, transaction: Transaction) -> list[BatchRef]:
        """Batches and progress, in one commit."""
        keys = transaction.add_planned(self._rows) if self._rows else ()
        if self._begun:
            transaction.many("batches.planned_so_far", self._begun)
        if self._done:
            transaction.run("batches.planned", (transaction.keys(self._done),))
        transaction.waiting += sum(row[4] for row in self._rows) - len(self._done)
        return [
            BatchRef(BatchKey(key), MessageKey(row[0]), name, row[4])
            for key, row, name in zip(keys, self._rows, self._names, strict=True)
        ]

    def _range(self, at: Standing, channel: int, after: int, size: int) -> Range:
        known = self._ranges.known
        scope = (at.epoch, at.category, channel, after, size, at.only or 0)
        found = known.get(scope)
        if found is None:
            found = known[scope] = self._read(at, channel, after, size)
        return found

    def _read(self, at: Standing, channel: int, after: int, size: int) -> Range:
        if at.only is not None:
            one = (at.category, channel, at.only, at.epoch, at.epoch)
            members, first, last = self._reading.row("batches.range_one", one) or (0, 0, 0)
            return Range(members, first, last, full=False)
        scope = (at.category, channel, after, at.epoch, at.epoch)
        last = self._reading.value("batches.range_full", (*scope, size - 1))
        if last is not None:
            return Range(size, after + 1, last, full=True)
        members, first, last = self._reading.row("batches.range_rest", scope) or (0, 0, 0)
        return Range(members, first, last, full=False)


def _steps(waiting: Sequence[Row]) -> int:
    return ALONE if len(waiting) == 1 else 1
