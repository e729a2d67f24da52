"""Claiming: the only lease there is, numbered and durable before any call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from notefly.adapters.relational.finish import store_batch
from notefly.adapters.relational.messages import message_of
from notefly.adapters.relational.record import announce, everybody, record
from notefly.adapters.relational.rows import FINISHED, LEASED, WAITING, Batch
from notefly.adapters.relational.times import maybe_moment, micros
from notefly.adapters.relational.transaction import Transaction
from notefly.domain.batch import BatchRef, Claim
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, Epoch
from notefly.domain.message import Message
from notefly.domain.outcome import Verdict
from notefly.ports.batch_store import Claims

STOPPED = Verdict(State.CANCELLED, Reason.STOPPED)
EXPIRED = Verdict(State.DEAD, Reason.EXPIRED)


class Asked(NamedTuple):
    """A batch that somebody wants; the columns of `asked`."""

    key: BatchKey
    message: int
    channel: str
    state: int
    due_at: int | None
    left: int
    attempts: int
    spent: int
    deaths: int
    renewed: int | None
    """`expires_at` of a replay, in place of the message's own."""
    expires_at: int | None
    cancelled_at: int | None


@dataclass(frozen=True, slots=True)
class Claimer:
    """Leases a group of batches in one transaction, with one statement for each step."""

    transaction: Transaction
    worker: str
    now: float | None
    """Of the clock that leases follow; None is the engine's own."""
    seconds: float
    at: datetime

    def claim(self, refs: Sequence[BatchRef]) -> Claims:
        """Each ref is claimed, gone or busy."""
        epoch, now = self.transaction.epoch, micros(self.at)
        rows = self.transaction.rows(
            "batches.asked", (self.transaction.keys([ref.batch for ref in refs]),)
        )
        asked = [Asked(*row) for row in rows]
        known = {batch.key for batch in asked}
        gone: list[BatchKey] = []
        busy: list[BatchKey] = []
        ready: list[Asked] = []
        for batch in asked:
            if batch.state == FINISHED:
                gone.append(batch.key)
            elif batch.state == LEASED:
                busy.append(batch.key)
            elif (verdict := _too_late(batch, now)) is not None:
                _end(self.transaction, batch.key, epoch, verdict, self.at)
                gone.append(batch.key)
            elif batch.state == WAITING and (batch.due_at or 0) > now:
                busy.append(batch.key)
            elif batch.deaths and any(other.deaths for other in ready):
                # If this worker is lost, too, that must not be a second death of all of them.
                busy.append(batch.key)
            else:
                ready.append(batch)
        gone += (ref.batch for ref in refs if ref.batch not in known)
        return Claims(self._lease(ready, epoch), gone, busy)

    def _lease(self, ready: Sequence[Asked], epoch: Epoch) -> list[Claim]:
        if not ready:
            return []
        keys = [batch.key for batch in ready]
        self.transaction.run("batches.lease", (self.now, self.seconds, self.transaction.keys(keys)))
        begun = (self.worker, micros(self.at), self.transaction.keys(keys))
        self.transaction.run("batches.begin_attempts", begun)
        messages = self._messages({batch.message for batch in ready})
        return [
            Claim(
                batch=batch.key,
                message=_renewed(messages[batch.message], batch.renewed),
                channel=batch.channel,
                size=batch.left,
                number=batch.attempts + 1,
                spent=batch.spent + 1,
                token=batch.attempts + 1,
                epoch=epoch,
                claimed_at=self.at,
                deaths=batch.deaths,
            )
            for batch in ready
        ]

    def _messages(self, keys: set[int]) -> dict[int, Message]:
        rows = self.transaction.rows("batches.messages", (self.transaction.keys(list(keys)),))
        return {row[0]: message_of(row) for row in rows}


def stop_late(transaction: Transaction, keys: Sequence[int], at: datetime) -> None:
    """End those of them that nobody holds and whose message was cancelled or has expired."""
    epoch, now = transaction.epoch, micros(at)
    for batch in (
        Asked(*row) for row in transaction.rows("batches.asked", (transaction.keys(keys),))
    ):
        verdict = _too_late(batch, now)
        if batch.state not in (LEASED, FINISHED) and verdict is not None:
            _end(transaction, batch.key, epoch, verdict, at)


def _end(
    transaction: Transaction, key: BatchKey, epoch: Epoch, verdict: Verdict, at: datetime
) -> None:
    """Nothing may start any more: what is left ends here, without an attempt."""
    batch = Batch(*(transaction.row("batches.held", (key,)) or ()))
    record(transaction, batch, everybody(batch, epoch, verdict, at))
    store_batch(transaction, batch, FINISHED, at)
    announce(transaction, batch, at)


def _too_late(batch: Asked, now: int) -> Verdict | None:
    """How a batch ends whose message was cancelled or has expired."""
    if batch.cancelled_at is not None:
        return STOPPED
    expires_at = batch.expires_at if batch.renewed is None else batch.renewed
    return EXPIRED if expires_at is not None and expires_at <= now else None


def _renewed(message: Message, expires_at: int | None) -> Message:
    if expires_at is None:
        return message
    return replace(message, content=replace(message.content, expires_at=maybe_moment(expires_at)))
