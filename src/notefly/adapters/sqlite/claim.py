"""Claiming: the only lease there is, numbered and durable before any call."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from notefly.adapters.sqlite.finish import store_batch
from notefly.adapters.sqlite.messages import message_of
from notefly.adapters.sqlite.queries import load
from notefly.adapters.sqlite.record import (
    FINISHED,
    LEASED,
    WAITING,
    Batch,
    announce,
    everybody,
    record,
)
from notefly.adapters.sqlite.transaction import Row, Transaction, maybe_moment, micros
from notefly.domain.batch import BatchRef, Claim
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, Epoch
from notefly.domain.message import Message
from notefly.domain.outcome import Verdict
from notefly.ports.batch_store import Claims

SQL = load("batches")
STOPPED = Verdict(State.CANCELLED, Reason.STOPPED)
EXPIRED = Verdict(State.DEAD, Reason.EXPIRED)


@dataclass(slots=True)
class Claimer:
    """Leases a group of batches in one transaction."""

    transaction: Transaction
    worker: str
    until: float
    at: datetime
    messages: dict[int, tuple[Message, Row]] = field(default_factory=dict)

    def claim(self, refs: Sequence[BatchRef]) -> Claims:
        """Each ref is claimed, gone or busy."""
        epoch = self.transaction.epoch
        claims: list[Claim] = []
        gone: list[BatchKey] = []
        busy: list[BatchKey] = []
        for ref in refs:
            row = self.transaction.row(SQL["read"], (ref.batch,))
            if row is None or row[8] == FINISHED:
                gone.append(ref.batch)
            elif row[8] == LEASED or (row[8] == WAITING and row[13] > micros(self.at)):
                busy.append(ref.batch)
            elif (claim := self._one(ref, Batch(*row), epoch)) is not None:
                claims.append(claim)
            else:
                gone.append(ref.batch)
        return Claims(claims, gone, busy)

    def _one(self, ref: BatchRef, batch: Batch, epoch: Epoch) -> Claim | None:
        message, row = self._message(batch.message)
        expires_at = row[5] if batch.expires_at is None else batch.expires_at
        batch.category, batch.epoch = row[10], message.epoch
        if row[9] is not None or (expires_at is not None and expires_at <= micros(self.at)):
            self._end(batch, epoch, EXPIRED if row[9] is None else STOPPED)
            return None
        number = batch.attempts + 1
        self.transaction.run(SQL["lease"], (number, self.until, batch.key))
        begun = (batch.key, number, self.worker, micros(self.at))
        self.transaction.run(SQL["begin_attempt"], begun)
        if batch.expires_at is not None:
            renewed = replace(message.content, expires_at=maybe_moment(batch.expires_at))
            message = replace(message, content=renewed)
        return Claim(
            batch=batch.key,
            message=message,
            channel=ref.channel,
            size=batch.left,
            number=number,
            spent=batch.spent + 1,
            token=number,
            epoch=epoch,
            claimed_at=self.at,
        )

    def _end(self, batch: Batch, epoch: Epoch, verdict: Verdict) -> None:
        """Nothing may start any more: what is left ends here, without an attempt."""
        record(self.transaction, batch, everybody(batch, epoch, verdict, self.at))
        store_batch(self.transaction, batch, FINISHED)
        announce(self.transaction, batch, self.at)

    def _message(self, key: int) -> tuple[Message, Row]:
        found = self.messages.get(key)
        if found is None:
            row = self.transaction.row(SQL["message"], (key,)) or ()
            found = self.messages[key] = (message_of(row), row)
        return found
