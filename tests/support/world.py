"""A store with all its ports, as the contract suites see it, and the adapters there are."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notefly.adapters.sqlite.audit import SqliteAudit
from notefly.adapters.sqlite.store import SqliteStore, open_store
from notefly.bootstrap.stores import Store
from notefly.domain.log import Violation
from notefly.ports.audit import Audit
from notefly.ports.backlog import Backlog
from notefly.ports.batch_store import BatchStore
from notefly.ports.clock import Ids
from notefly.ports.delivery_log import DeliveryLog
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl, Figures
from notefly.ports.key_store import KeyStore
from notefly.ports.message_store import MessageStore
from notefly.ports.subscriber_store import SubscriberStore
from tests.support.time import CountedIds, SilentMeter, VirtualClock

CATEGORIES = ("finance", "movies", "sports")
KINDS = {"sms": "phone", "email": "email", "push": "push_token"}


@dataclass(frozen=True)
class World:
    """Every port of one engine, a clock to move, and what the engine can do beyond the ports."""

    clock: VirtualClock
    ids: Ids
    messages: MessageStore
    subscribers: SubscriberStore
    batches: BatchStore
    deliveries: DeliveryLog
    figures: Figures
    control: ChannelControl
    events: EventLog
    backlog: Backlog
    keys: KeyStore
    audit: Callable[[], AbstractAsyncContextManager[Audit]]
    inside: Any
    """The engine itself: for wrong adapters that are made from a right one."""


@dataclass(frozen=True)
class Adapter:
    """An engine by name, what it can do, and how it is opened in a folder."""

    name: str
    durable: bool
    """What it stored is there when it is opened again in the same folder."""
    leases_end_with_process: bool
    """Opening it again takes back all leases; else each runs out in its time."""
    opens: Callable[[Path, VirtualClock], AbstractAsyncContextManager[World]]


def unknown_commit(error: BaseException) -> None:
    raise AssertionError("no commit may end unknown here") from error


@asynccontextmanager
async def opened(path: str, clock: VirtualClock) -> AsyncIterator[SqliteStore]:
    async with open_store(
        path,
        categories=CATEGORIES,
        kinds=KINDS,
        clock=clock,
        budget=lambda: 0.01,
        meter=SilentMeter(),
        on_unknown=unknown_commit,
    ) as store:
        yield store


@asynccontextmanager
async def sqlite_file(folder: Path, clock: VirtualClock) -> AsyncIterator[World]:
    path = str(folder / "notefly.db")

    @asynccontextmanager
    async def audit() -> AsyncIterator[Audit]:
        yield SqliteAudit(path)

    async with opened(path, clock) as store:
        yield world_of(store, clock, audit)


@asynccontextmanager
async def sqlite_memory(folder: Path, clock: VirtualClock) -> AsyncIterator[World]:
    async with opened(":memory:", clock) as store:

        @asynccontextmanager
        async def audit() -> AsyncIterator[Audit]:
            """The audit reads files, so it gets a copy of this moment."""
            copy = folder / "copy.db"
            image = await store.database.read(lambda r: r._connection.serialize("main"))
            copy.write_bytes(image)
            yield SqliteAudit(str(copy))

        yield world_of(store, clock, audit)


def world_of(
    store: Store, clock: VirtualClock, audit: Callable[[], AbstractAsyncContextManager[Audit]]
) -> World:
    return World(
        clock,
        CountedIds(),
        store.messages,
        store.subscribers,
        store.batches,
        store.deliveries,
        store.figures,
        store.control,
        store.events,
        store.backlog,
        store.keys,
        audit,
        store,
    )


ADAPTERS = (
    Adapter("sqlite-file", durable=True, leases_end_with_process=True, opens=sqlite_file),
    Adapter("sqlite-memory", durable=False, leases_end_with_process=True, opens=sqlite_memory),
)
"""Every suite runs on these, and on the engines of `server.py` where they are asked for."""


async def open_work(world: World) -> int:
    """Unplanned messages, and deliveries without an end, as the list of messages tells them."""
    unplanned, cursor = 0, None
    while True:
        page = await world.messages.list(1_000, cursor, None)
        unplanned += sum(status.total is None for status in page.items)
        cursor = page.next
        if cursor is None:
            break
    return unplanned + sum(one.deliveries_open for one in await world.figures.channels())


async def violations(world: World) -> list[Violation]:
    """Everything that the audit finds."""
    async with world.audit() as audit:
        return [
            found
            for invariant in audit.invariants()
            async for found in audit.check(invariant)
            if isinstance(found, Violation)
        ]
