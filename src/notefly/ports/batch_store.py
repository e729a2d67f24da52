"""Where the work stands: the record that the queue only gives hints about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from notefly.domain.batch import BatchRef, Claim, Recipient, Report
from notefly.domain.ids import BatchKey, Epoch, SubscriberKey


@dataclass(frozen=True, slots=True)
class Planned:
    """What one step of planning made; `more` when messages are left to plan."""

    refs: Sequence[BatchRef]
    more: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """What could be claimed; `gone` is finished and may leave the queue, `busy` comes later.

    It is leased, not due, or one more that a process died on: of those a claim holds one.
    """

    claims: Sequence[Claim]
    gone: Sequence[BatchKey]
    busy: Sequence[BatchKey]


@dataclass(frozen=True, slots=True)
class Slice:
    """The next members of a claimed batch whose choice still stands at `epoch`.

    It covers `after < subscriber <= through`; `last` when nobody is left behind it.
    """

    epoch: Epoch
    after: SubscriberKey
    through: SubscriberKey
    recipients: Sequence[Recipient]
    last: bool
    stopped: bool = False
    """Nobody may be handed over any more: the message was cancelled or has expired, or somebody
    else took the batch over."""


@dataclass(frozen=True, slots=True)
class Finished:
    """`refs` are to be offered: batches that wait for a retry. `stale` ones were refused (I6)."""

    refs: Sequence[BatchRef]
    stale: Sequence[BatchKey]
    seconds: float = 0.0
    """What recording took, without the commit."""


class BatchStore(Protocol):
    """Plan, lease and record: what writes is one commit, durable when it returns."""

    async def plan(self, sizes: Mapping[str, int], seconds: float) -> Planned:
        """Turn accepted messages into batches, in turn, for about `seconds` of work.

        `sizes` is the batch size of each configured channel. A batch is made once, whoever asks.
        """
        ...

    async def claim(
        self, refs: Sequence[BatchRef], worker: str, lease_seconds: float, at: datetime
    ) -> Claims:
        """Lease what is ready. Batches of cancelled or expired messages are ended here instead."""
        ...

    async def hand_over(
        self, claims: Sequence[Claim], after: SubscriberKey, limit: int, at: datetime
    ) -> Sequence[Slice]:
        """Read consent again, right before a hand-over: the next `limit` members of each claim.

        All as the choices stand at one moment.
        """
        ...

    async def finish(self, reports: Sequence[Report]) -> Finished:
        """Record outcomes, batch and attempt together; an old token changes nothing."""
        ...

    async def extend(self, claims: Sequence[Claim], lease_seconds: float) -> None:
        """Keep leases that are still held."""
        ...

    async def take_over(self, at: datetime) -> Sequence[BatchRef]:
        """Interrupt attempts whose lease ran out; their batches are ready, or split as poison.

        A wall clock that jumps ends no lease. If it was set back since the last call, what waits
        for a retry is due so much earlier, so that nobody waits longer than was asked for.
        """
        ...

    async def stop(self, at: datetime, limit: int) -> int:
        """End up to `limit` batches of cancelled or expired messages that nobody holds: how many.

        Claiming does so too; this is for those that nobody claims, because their channel is paused.
        """
        ...

    async def unfinished(self, after: BatchKey, limit: int) -> Sequence[BatchRef]:
        """Batches that are not finished, by message: what the reconciler offers again."""
        ...
