"""Planted bugs in what is stored, and when."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace as but
from datetime import datetime
from functools import partial

import apsw

from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.relational import finish as finishing
from notefly.adapters.relational.deliveries import RelationalDeliveries
from notefly.adapters.relational.plan import Planner
from notefly.adapters.relational.record import record
from notefly.adapters.relational.transaction import Transaction
from notefly.adapters.sqlite import connection
from notefly.adapters.sqlite import database as opening
from notefly.adapters.sqlite.batches import SqliteBatches
from notefly.adapters.sqlite.messages import SqliteMessages
from notefly.application.call import Answer, Caller
from notefly.domain.batch import BatchRef, Report
from notefly.domain.log import DeliveryFilter
from notefly.domain.outcome import Outcomes, Refused
from notefly.ports.batch_store import Finished, Planned
from notefly.ports.channel import HandOver
from notefly.ports.message_store import Publication, Receipt
from tests.faults.product import CHANNEL
from tests.faults.steering import PLANTED, Changes, die, replace

FATAL_PUBLISH = 20
FATAL_RECORD = 5
WRITE_SECONDS = 0.3
"""For the answers that are given already to reach the client."""


def normal_sync() -> None:
    """A commit is not on stable storage; the scene cuts the power."""
    open_writer = connection.open_writer

    def open_hastily(path: str) -> apsw.Connection:
        opened = open_writer(path)
        if PLANTED:
            opened.execute("PRAGMA synchronous = NORMAL").fetchall()
        return opened

    replace(opening, "open_writer", open_hastily)


def early_answer() -> None:
    """202 before the commit."""
    accept = SqliteMessages.accept
    publishes = 0
    tasks: set[asyncio.Task[Receipt]] = set()

    async def accept_early(self: SqliteMessages, publication: Publication) -> Receipt:
        nonlocal publishes
        publishes += 1
        if publishes == FATAL_PUBLISH:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, die)
        if publishes >= FATAL_PUBLISH and not PLANTED:
            await asyncio.Event().wait()
        if not PLANTED:
            return await accept(self, publication)
        if publishes < FATAL_PUBLISH:
            tasks.add(asyncio.ensure_future(accept(self, publication)))
        return Receipt(publication.ids, publication.accepted_at, replayed=False)

    replace(SqliteMessages, "accept", accept_early)


def two_commits() -> None:
    """A batch is recorded in two commits: its rows in one, itself and its attempt in another."""
    finish = SqliteBatches.finish
    records = 0

    async def finish_twice(self: SqliteBatches, reports: Sequence[Report]) -> Finished:
        nonlocal records
        records += 1
        fatal = records == FATAL_RECORD
        if PLANTED:
            await self._database.write(partial(write_rows, reports=reports), urgent=False)
        if fatal:
            die()
        if PLANTED:
            await self._database.write(partial(take_rows_back, reports=reports), urgent=False)
        return await finish(self, reports)

    replace(SqliteBatches, "finish", finish_twice)


def write_rows(transaction: Transaction, reports: Sequence[Report]) -> None:
    for report in reports:
        batch = finishing.held(transaction, report.claim.batch, report.claim.token)
        if batch is not None:
            for handed in report.handed:
                record(transaction, batch, handed)


def take_rows_back(transaction: Transaction, reports: Sequence[Report]) -> None:
    """So that the sound code can write them again, with all that belongs to them."""
    for report in reports:
        transaction.run("DELETE FROM delivery WHERE batch = ?", (report.claim.batch,))


def audience_twice() -> None:
    """The audience is read again when a message is planned, as the choices stand by then."""
    plan, batches_plan = Planner.plan, SqliteBatches.plan
    changes = Changes()
    changes.watch()

    def plan_as_it_is_now(
        self: Planner, transaction: Transaction, sizes: Mapping[str, int], seconds: float
    ) -> Planned:
        transaction.run(
            "UPDATE message SET epoch = ? WHERE key IN (SELECT message FROM unplanned)",
            (transaction.epoch,),
        )
        return plan(self, transaction, sizes, seconds)

    async def plan_late(self: SqliteBatches, sizes: Mapping[str, int], seconds: float) -> Planned:
        await changes.done.wait()
        return await batches_plan(self, sizes, seconds)

    if PLANTED:
        replace(Planner, "plan", plan_as_it_is_now)
    replace(SqliteBatches, "plan", plan_late)


def key_outside() -> None:
    """An idempotency key is looked up before the transaction; two with the same come together."""
    accept = SqliteMessages.accept
    pairs: dict[str, asyncio.Barrier] = defaultdict(lambda: asyncio.Barrier(2))

    async def accept_together(self: SqliteMessages, publication: Publication) -> Receipt:
        key = publication.key
        if key is None:
            return await accept(self, publication)
        known = await self.answered(key) if PLANTED else None
        await pairs[key.key].wait()
        if not PLANTED:
            return await accept(self, publication)
        if known is not None:
            return known
        return await self._database.write(partial(accept_unchecked, self, publication))

    replace(SqliteMessages, "accept", accept_together)


def accept_unchecked(
    store: SqliteMessages, publication: Publication, transaction: Transaction
) -> Receipt:
    receipt = store._accept(transaction, but(publication, key=None))
    if publication.key is not None:
        key = publication.key
        last = transaction.value("SELECT max(key) FROM message")
        values = (key.owner, key.key, key.fingerprint, last, 1)
        transaction.run("INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)", values)
    return receipt


COPY = """
INSERT INTO message (id, category, epoch, accepted_at, only_subscriber, title, body)
SELECT randomblob(16), m.category, m.epoch, ?, d.subscriber, m.title, m.body
FROM delivery d JOIN message m ON m.key = d.message WHERE d.state = 3
"""


def replay_new_id() -> None:
    """A replay is a new message; the channel refuses everything until the replay."""
    replay, call = RelationalDeliveries.replay, Caller._answer
    asked = asyncio.Event()

    async def refuse_at_first(self: Caller, hand_over: HandOver) -> Answer:
        if hand_over.channel == CHANNEL and not asked.is_set():
            return Outcomes(Refused("not yet"))
        return await call(self, hand_over)

    def copy(transaction: Transaction) -> int:
        first = transaction.value("SELECT max(key) + 1 FROM message")
        copied = transaction.run(COPY, (0,))
        transaction.run(
            "INSERT INTO unplanned (message) SELECT key FROM message WHERE key >= ?", (first,)
        )
        return copied

    async def replay_anew(
        self: RelationalDeliveries,
        wanted: DeliveryFilter,
        limit: int,
        expires_at: datetime | None,
        at: datetime,
    ) -> tuple[int, Sequence[BatchRef]]:
        asked.set()
        if PLANTED:
            return await self._database.write(copy), []
        return await replay(self, wanted, limit, expires_at, at)

    replace(Caller, "_answer", refuse_at_first)
    replace(SupervisedChannel, "send_all", None)
    replace(RelationalDeliveries, "replay", replay_anew)
