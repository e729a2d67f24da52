"""The embedded store, opened and closed as one."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from notefly.adapters.relational.deliveries import RelationalDeliveries
from notefly.adapters.relational.figures import (
    RelationalControl,
    RelationalEvents,
    RelationalFigures,
)
from notefly.adapters.relational.names import Names
from notefly.adapters.relational.subscribers import RelationalSubscribers
from notefly.adapters.sqlite.alike import record_alike
from notefly.adapters.sqlite.backlog import SqliteBacklog
from notefly.adapters.sqlite.batches import SqliteBatches
from notefly.adapters.sqlite.database import Database
from notefly.adapters.sqlite.keys import SqliteKeys
from notefly.adapters.sqlite.messages import SqliteMessages
from notefly.adapters.sqlite.transaction import Transaction
from notefly.domain.errors import StoreUnusable, Unavailable
from notefly.ports.clock import Clock
from notefly.ports.meter import Meter


@dataclass(frozen=True, slots=True)
class SqliteStore:
    """Every port that the file serves."""

    database: Database
    messages: SqliteMessages
    subscribers: RelationalSubscribers
    batches: SqliteBatches
    deliveries: RelationalDeliveries
    figures: RelationalFigures
    control: RelationalControl
    events: RelationalEvents
    backlog: SqliteBacklog
    keys: SqliteKeys


@asynccontextmanager
async def open_store(  # noqa: PLR0913 - everything it must not reach for itself
    path: str,
    *,
    categories: Iterable[str],
    kinds: Mapping[str, str],
    clock: Clock,
    budget: Callable[[], float],
    meter: Meter,
    on_unknown: Callable[[BaseException], None],
) -> AsyncIterator[SqliteStore]:
    """Open, migrate, and take over what the last process left; closes when the block ends.

    `kinds` maps each configured channel to its address kind. `on_unknown` is called when it cannot
    be known whether a commit is durable; it must end the process. Raises StoreUnusable.
    """
    database = Database(path, budget, meter, on_unknown, clock.now)
    try:
        known = Names("category"), Names("channel")

        def prime(transaction: Transaction) -> None:
            known[0].prime(transaction, categories)
            known[1].prime(transaction, kinds)

        batches = SqliteBatches(database, known[1], kinds, clock, clock.monotonic, record_alike)
        backlog = SqliteBacklog(database)
        try:
            await database.write(prime)
            for names in known:
                await database.read(names.remember)
            await batches.recover(clock.now())
            await backlog.count()
        except Unavailable as error:
            raise StoreUnusable(f"the store {path} cannot be taken over: {error}") from error
        yield SqliteStore(
            database,
            SqliteMessages(database, known[0]),
            RelationalSubscribers(database, *known),
            batches,
            RelationalDeliveries(database, *known, kinds),
            RelationalFigures(database),
            RelationalControl(database),
            RelationalEvents(database),
            backlog,
            SqliteKeys(database),
        )
    finally:
        database.close()
