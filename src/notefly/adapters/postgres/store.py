"""The store on a server, opened and closed as one."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from notefly.adapters.postgres.backlog import PostgresBacklog, open_backlog
from notefly.adapters.postgres.batches import PostgresBatches
from notefly.adapters.postgres.database import Database
from notefly.adapters.postgres.messages import PostgresMessages
from notefly.adapters.postgres.transaction import Transaction
from notefly.adapters.relational.deliveries import RelationalDeliveries
from notefly.adapters.relational.figures import (
    RelationalControl,
    RelationalEvents,
    RelationalFigures,
)
from notefly.adapters.relational.keys import RelationalKeys
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.subscribers import RelationalSubscribers
from notefly.ports.batch_store import BatchStore
from notefly.ports.clock import Clock
from notefly.ports.meter import Meter
from notefly.ports.wakeups import Wakeups


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """Every port that the server serves."""

    database: Database
    messages: PostgresMessages
    subscribers: RelationalSubscribers
    batches: PostgresBatches
    deliveries: RelationalDeliveries
    figures: RelationalFigures
    control: RelationalControl
    events: RelationalEvents
    backlog: PostgresBacklog
    keys: RelationalKeys


def server_clock() -> None:
    """No reading of its own: the leases of all processes follow the server's clock."""


@asynccontextmanager
async def open_store(  # noqa: PLR0913
    dsn: str,
    *,
    categories: Iterable[str],
    kinds: Mapping[str, str],
    clock: Clock,
    meter: Meter,
    lease_now: Callable[[], float | None] = server_clock,
    wakeups: Wakeups | None = None,
) -> AsyncIterator[PostgresStore]:
    """Connect, check, migrate; closes when the block ends. Any number of processes may do so.

    `kinds` maps each configured channel to its address kind. With `wakeups` watchers hear at once
    of what other processes commit, and without by looking. Raises StoreUnusable. Afterwards the
    ports raise Unavailable while the server cannot be reached, and CommitUnknown when the answer to
    a commit was lost; connections are opened again by themselves.
    """
    database = await Database.open(dsn, meter, clock.now, wakeups)
    known = Names("category"), Names("channel")
    try:

        def prime(transaction: Transaction) -> None:
            known[0].prime(transaction, categories)
            known[1].prime(transaction, kinds)

        await database.write(prime)
        for names in known:
            await database.read(names.remember)
        async with open_backlog(database) as backlog:
            messages = PostgresMessages(database, known[0])
            yield PostgresStore(
                database,
                messages,
                RelationalSubscribers(database, *known),
                PostgresBatches(database, known[1], kinds, clock, lease_now),
                RelationalDeliveries(database, *known, kinds),
                RelationalFigures(database),
                RelationalControl(database),
                RelationalEvents(database),
                backlog,
                RelationalKeys(database),
            )
            await messages.close()
    finally:
        await database.close()


def _meets(store: PostgresBatches) -> BatchStore:
    return store
