"""Planning: from a message's audience to batches, a key range at a time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from notefly.adapters.sqlite.queries import load
from notefly.adapters.sqlite.transaction import Transaction
from notefly.domain.batch import BATCH_LIMIT, BatchRef
from notefly.domain.ids import BatchKey, MessageKey
from notefly.ports.batch_store import Planned

SQL = load("batches")
READ_AHEAD = 200
"""Unplanned messages looked at in one go."""


@dataclass(slots=True)
class Planner:
    """Gives every unplanned message a turn: one batch of one channel each time round.

    `turn` is the last message that had one. It is only a hint of fairness: where planning stands is
    in the store, moved on in the commit of the batches, so that a batch is made once.
    """

    turn: int = 0

    def plan(self, transaction: Transaction, sizes: Mapping[str, int], seconds: float) -> Planned:
        """Batches for about so long; `more` when there are messages left to plan."""
        deadline = time.perf_counter() + seconds
        by_key = self._channels(transaction, sizes)
        refs: list[BatchRef] = []
        while True:
            waiting = transaction.rows(SQL["next_unplanned"], (self.turn, READ_AHEAD))
            if not waiting and not self.turn:
                return Planned(refs, more=False)
            self.turn = 0
            for row in waiting:
                refs += _step(transaction, _Standing(*row), by_key)
                self.turn = row[0]
                if time.perf_counter() >= deadline:
                    return Planned(refs, more=True)

    def _channels(
        self, transaction: Transaction, sizes: Mapping[str, int]
    ) -> list[tuple[int, str, int]]:
        """All that anybody ever chose: one that is not configured now keeps its batches."""
        return [
            (key, name, sizes.get(name, BATCH_LIMIT))
            for key, name in transaction.rows(SQL["channels"])
        ]


@dataclass(frozen=True, slots=True)
class _Standing:
    """How far a message's planning has come: `channel` and `subscriber` are done up to here."""

    message: int
    channel: int
    subscriber: int
    category: int
    epoch: int
    only: int | None


def _step(
    transaction: Transaction, at: _Standing, channels: list[tuple[int, str, int]]
) -> list[BatchRef]:
    """A small message is planned whole; a large one a batch at a time."""
    refs = []
    after = at.subscriber
    for channel, name, size in channels:
        if channel < at.channel:
            continue
        members, first, last, full = _range(transaction, at, channel, after, size)
        after = 0
        if members:
            batch = transaction.insert(
                SQL["add_planned"], (at.message, channel, first, last, members)
            )
            refs.append(BatchRef(BatchKey(batch), MessageKey(at.message), name, members))
        if full:
            transaction.run(SQL["planned_so_far"], (channel, last, at.message))
            return refs
    transaction.run(SQL["planned"], (at.message,))
    return refs


def _range(
    transaction: Transaction, at: _Standing, channel: int, after: int, size: int
) -> tuple[int, int, int, bool]:
    """The next range: how many, its first key or below, its last key, and whether more follow."""
    if at.only is not None:
        one = (at.category, channel, at.only, at.epoch, at.epoch)
        members, first, last = transaction.row(SQL["range_one"], one) or (0, None, None)
        return members, first or 0, last or 0, False
    scope = (at.category, channel, after, at.epoch, at.epoch)
    last = transaction.value(SQL["range_full"], (*scope, size - 1))
    if last is not None:
        return size, after + 1, last, True
    members, first, last = transaction.row(SQL["range_rest"], scope) or (0, None, None)
    return members, first or 0, last or 0, False
