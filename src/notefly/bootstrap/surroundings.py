"""What is the same over every engine: clock, names, metrics, and what the team configured."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial

from dishka import Provider, Scope, from_context, provide

from notefly.adapters.channels.chaotic import ChaoticChannel, obstacle
from notefly.adapters.channels.process import Limits
from notefly.adapters.channels.registry import close_channels, load_channels
from notefly.adapters.metrics import PrometheusMeter
from notefly.adapters.system import SystemClock, SystemIds
from notefly.application.catalogue import Catalogue
from notefly.application.chaos import Chaos
from notefly.application.doorbell import LaneBell, PlannerBell, ReconcilerBell
from notefly.application.engine import Bells
from notefly.application.lane import WorkerName
from notefly.application.lanes import Share
from notefly.application.pace import Pace
from notefly.application.patience import Terms
from notefly.application.retry import Judge
from notefly.config import Settings
from notefly.domain.outcome import RetryPolicy
from notefly.ports.clock import Clock, Ids
from notefly.ports.meter import Meter

SERVER_LEASE_SECONDS = 8.0
"""Where others can take over: they have to wait for it, and its holder keeps it every 2 s."""


@dataclass(frozen=True, slots=True)
class Delivers:
    """The channels that this process delivers on; None: all that are configured."""

    channels: frozenset[str] | None = None


class Surroundings(Provider):
    """Clock, names, metrics, and what the team configured."""

    scope = Scope.APP
    settings = from_context(provides=Settings)
    delivers = from_context(provides=Delivers)
    bells = provide(Bells)
    planner_bell = provide(PlannerBell)
    reconciler_bell = provide(ReconcilerBell)
    lane_bell = provide(LaneBell)
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
    def pace(self, clock: Clock) -> Pace:
        return Pace(clock)

    @provide
    def terms(self, settings: Settings) -> Terms:
        # A process has its own limit, and its start comes on top: this one is the last resort.
        deadline = 2 * settings.channel_seconds + Limits().start_seconds
        return Terms(SERVER_LEASE_SECONDS, deadline) if settings.store else Terms(deadline=deadline)

    @provide
    def worker(self) -> WorkerName:
        return WorkerName(f"{socket.gethostname()}:{os.getpid()}")

    @provide
    def judge(self, clock: Clock, ids: Ids) -> Judge:
        return Judge(RetryPolicy(), clock.now, ids.fraction)

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

    @provide
    def share(self, delivers: Delivers, settings: Settings, catalogue: Catalogue) -> Share:
        every = frozenset(catalogue.channels)
        mine = every if delivers.channels is None else delivers.channels
        return Share(mine, settings.concurrency)

    @provide
    def chaos(self, catalogue: Catalogue, share: Share, ids: Ids) -> Chaos:
        spoils = partial(ChaoticChannel, wait=asyncio.sleep, chance=ids.fraction)
        why_not = obstacle(catalogue.channels.values(), share.channels)
        return Chaos(spoils, why_not, share.channels)
