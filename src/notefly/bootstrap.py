"""The composition root: where settings become objects, and where dishka is told how.

Engines are loaded by what the settings say; nothing else in the product knows which they are.
"""

import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from dishka import AsyncContainer, Provider, Scope, from_context, make_async_container, provide

from notefly.adapters.channels.process import Limits
from notefly.adapters.channels.registry import close_channels, load_channels
from notefly.adapters.inprocess.alone import Alone
from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.metrics import PrometheusMeter
from notefly.adapters.mocks import mock_profiles
from notefly.adapters.sqlite import backup as backups
from notefly.adapters.sqlite.audit import SqliteAudit
from notefly.adapters.sqlite.connection import store_path
from notefly.adapters.sqlite.guest import visiting
from notefly.adapters.sqlite.keys import SqliteKeys
from notefly.adapters.sqlite.ownership import owning
from notefly.adapters.sqlite.store import SqliteStore, open_store
from notefly.adapters.system import SystemClock, SystemIds
from notefly.application.catalogue import Catalogue
from notefly.application.channels import SwitchChannel
from notefly.application.doorbell import LaneBell, PlannerBell, ReconcilerBell
from notefly.application.engine import Bells, Engine, Share
from notefly.application.keys import Authenticate, Keys, console_keys
from notefly.application.lane import Terms, Tools, WorkerName
from notefly.application.links import Links
from notefly.application.log import QueryLog, Replay
from notefly.application.messages import Messages
from notefly.application.pace import Pace
from notefly.application.preview import PreviewMessage
from notefly.application.publish import PublishMessage
from notefly.application.retry import Judge
from notefly.application.room import Room
from notefly.application.seed import LoadMocks
from notefly.application.subscribers import SendTest, Subscribers
from notefly.application.verify import Verify, outcomes
from notefly.config import Settings
from notefly.domain.log import Looked, Proved, Violation
from notefly.domain.outcome import RetryPolicy
from notefly.ports.backlog import Backlog
from notefly.ports.batch_store import BatchStore
from notefly.ports.clock import Clock, Ids
from notefly.ports.delivery_log import DeliveryLog
from notefly.ports.event_log import EventLog
from notefly.ports.figures import ChannelControl, Figures
from notefly.ports.key_store import KeyStore
from notefly.ports.leadership import Leadership
from notefly.ports.message_store import MessageStore
from notefly.ports.meter import Meter
from notefly.ports.subscriber_store import SubscriberStore
from notefly.ports.wakeups import Wakeups
from notefly.ports.work_queue import WorkQueue

LOG = logging.getLogger(__name__)
UNKNOWN_COMMIT = 70
"""Exit status when a commit's result is unknown (EX_SOFTWARE of sysexits.h)."""


class Surroundings(Provider):
    """Clock, names, metrics, and what the team configured."""

    scope = Scope.APP
    settings = from_context(provides=Settings)
    bells = provide(Bells)
    planner_bell = provide(PlannerBell)
    reconciler_bell = provide(ReconcilerBell)
    lane_bell = provide(LaneBell)
    pace = provide(Pace)
    prometheus = provide(PrometheusMeter)

    @provide
    def clock(self) -> Clock:
        return SystemClock()

    @provide
    def ids(self) -> Ids:
        return SystemIds()

    @provide
    def meter(self, meter: PrometheusMeter) -> Meter:
        return meter

    @provide
    def terms(self, settings: Settings) -> Terms:
        # A process has its own limit, and its start comes on top: this one is the last resort.
        return Terms(deadline=2 * settings.channel_seconds + Limits().start_seconds)

    @provide
    def worker(self) -> WorkerName:
        return WorkerName(f"{socket.gethostname()}:{os.getpid()}")

    @provide
    def judge(self, clock: Clock, ids: Ids) -> Judge:
        return Judge(RetryPolicy(), clock.now, ids.fraction)

    @provide
    def share(self, catalogue: Catalogue) -> Share:
        return Share(frozenset(catalogue.channels))

    @provide
    async def catalogue(self, settings: Settings, clock: Clock) -> AsyncIterator[Catalogue]:
        limits = Limits(
            hand_over_seconds=settings.channel_seconds,
            memory_bytes=settings.channel_memory << 20,
        )
        channels = load_channels(settings.channels, monotonic=clock.monotonic, limits=limits)
        try:
            yield Catalogue(settings.categories, channels)
        finally:
            await close_channels(channels.values())


class EmbeddedEngine(Provider):
    """One SQLite file, and a queue in this process."""

    scope = Scope.APP

    @provide
    async def store(
        self, settings: Settings, catalogue: Catalogue, clock: Clock, pace: Pace, meter: Meter
    ) -> AsyncIterator[SqliteStore]:
        with owning(settings.data_dir):
            async with open_store(
                str(store_path(settings.data_dir)),
                categories=catalogue.categories,
                kinds=catalogue.kinds,
                clock=clock,
                budget=lambda: pace.seconds,
                meter=meter,
                on_unknown=_stop_at_once,
            ) as store:
                yield store

    @provide
    def messages(self, store: SqliteStore) -> MessageStore:
        return store.messages

    @provide
    def subscribers(self, store: SqliteStore) -> SubscriberStore:
        return store.subscribers

    @provide
    def batches(self, store: SqliteStore) -> BatchStore:
        return store.batches

    @provide
    def deliveries(self, store: SqliteStore) -> DeliveryLog:
        return store.deliveries

    @provide
    def figures(self, store: SqliteStore) -> Figures:
        return store.figures

    @provide
    def control(self, store: SqliteStore) -> ChannelControl:
        return store.control

    @provide
    def backlog(self, store: SqliteStore) -> Backlog:
        return store.backlog

    @provide
    def events(self, store: SqliteStore) -> EventLog:
        return store.events

    @provide
    def keys(self, store: SqliteStore) -> KeyStore:
        return store.keys

    @provide
    def queue(self, clock: Clock) -> WorkQueue:
        return InProcessQueue(clock)

    @provide
    def wakeups(self) -> Wakeups:
        return Alone()

    @provide
    def leadership(self) -> Leadership:
        return Alone()


class UseCases(Provider):
    """The application, over whatever engine there is."""

    scope = Scope.APP
    publish = provide(PublishMessage)
    preview = provide(PreviewMessage)
    subscribers = provide(Subscribers)
    test = provide(SendTest)
    messages = provide(Messages)
    query = provide(QueryLog)
    replay = provide(Replay)
    switch = provide(SwitchChannel)
    keys = provide(Keys)

    @provide
    def authenticate(self, settings: Settings, store: KeyStore, clock: Clock) -> Authenticate:
        return Authenticate(store, clock, console_keys(settings.console_digest, clock.now()))

    @provide
    def links(self, keys: KeyStore, subscribers: Subscribers, clock: Clock, ids: Ids) -> Links:
        return Links(keys, subscribers, clock, ids)

    @provide
    def room(self, backlog: Backlog, settings: Settings) -> Room:
        return Room(backlog, settings.backlog)

    tools = provide(Tools)
    engine = provide(Engine)

    @provide
    def mocks(
        self, settings: Settings, subscribers: Subscribers, figures: Figures, catalogue: Catalogue
    ) -> LoadMocks:
        profiles = mock_profiles() if settings.mocks else []
        return LoadMocks(subscribers, figures, catalogue, profiles)


def make_container(settings: Settings) -> AsyncContainer:
    """Everything, made when it is first asked for, closed in reverse by `close()`."""
    return make_async_container(
        Surroundings(), EmbeddedEngine(), UseCases(), context={Settings: settings}
    )


@contextmanager
def keys(settings: Settings, *, create: bool = False) -> Iterator[Keys]:
    """The keys of a store, running broker or not; with `create` it is made. Raises StoreUnusable.

    What is changed here, a running broker knows within a second.
    """
    with visiting(settings.data_dir, create=create) as guest:
        yield Keys(SqliteKeys(guest), SystemClock(), SystemIds())


def prove(store: Path) -> AsyncIterator[Looked | Violation | Proved]:
    """Check a store as it lies there, running broker or not. Raises StoreUnusable without one."""
    return Verify(SqliteAudit(str(store)))()


def verify(settings: Settings) -> AsyncIterator[tuple[str, Violation | None]]:
    """The same of the store in the data directory, and only what came of it."""
    return outcomes(prove(store_path(settings.data_dir)))


def back_up(settings: Settings, target: Path, *, force: bool) -> None:
    """One consistent file of the store, running broker or not; see `backups.back_up`."""
    backups.back_up(store_path(settings.data_dir), target, force=force)


def restore(settings: Settings, backup: Path) -> Path | None:
    """Replace the store by a backup; gives where the old one went. Raises StoreLocked too."""
    with owning(settings.data_dir):
        store = store_path(settings.data_dir)
        return backups.restore(backup, store, SystemClock().now())


def _stop_at_once(error: BaseException) -> None:
    """Nobody may be answered: connections close with the process, keys resolve it on retry."""
    LOG.critical(
        "the disk failed (%s): whether the last commit is on it is unknown, so nobody is answered "
        "and the broker stops; look at the disk, then start it again",
        error,
    )
    os._exit(UNKNOWN_COMMIT)
