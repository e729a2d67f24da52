"""The product's own composition, with instruments in it, or with one part changed on purpose."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dishka import AsyncContainer, Provider, Scope, make_async_container, provide
from typing_extensions import override

from benchmarks.channels import AwkwardChannel, CalledChannel, EmailPlugin, SmsPlugin
from benchmarks.counting import CountingMeter, Ledger, counting
from benchmarks.instant import InstantMessages
from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.channels.registry import load_channels
from notefly.adapters.metrics import PrometheusMeter
from notefly.adapters.sqlite.store import SqliteStore
from notefly.application.catalogue import Catalogue
from notefly.application.doorbell import PlannerBell
from notefly.application.patience import Terms
from notefly.bootstrap import Delivers, providers
from notefly.config import Settings
from notefly.ports.batch_store import BatchStore
from notefly.ports.channel import Channel
from notefly.ports.clock import Clock
from notefly.ports.message_store import MessageStore
from notefly.ports.meter import Meter

HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Order:
    """What to serve; the defaults are the product as it is."""

    data_dir: str
    app: str = "product"
    """`product`; `raw`: parses and answers; `raw-stored`: the same with the product's store;
    `raw-streams`: streams that say what they are told to."""
    instant: bool = False
    """A store of messages that answers at once and keeps nothing."""
    engine: bool = True
    group_of_one: bool = False
    """The writer takes one job a transaction."""
    channels: str = "log"
    """`log`: the built-in ones; `called`: `sms` and `email` answer per recipient; `awkward`."""

    @property
    def settings(self) -> Settings:
        return Settings(
            data_dir=Path(self.data_dir),
            broker_port=0,
            mocks=False,
            channels=("sms", "email", "push") if self.channels == "log" else tuple(_made(self)),
        )


class Instruments(Provider):
    """What is counted, at the ports."""

    scope = Scope.APP

    @provide
    def ledger(self) -> Ledger:
        return Ledger()

    @provide
    def meter(self, meter: PrometheusMeter, ledger: Ledger) -> Meter:
        return CountingMeter(meter, ledger)

    @provide
    def batches(self, store: SqliteStore, ledger: Ledger) -> BatchStore:
        return counting(store.batches, ledger)


class Instant(Provider):
    """Publishing without storage, and so without anything to plan."""

    scope = Scope.APP

    @provide
    def messages(self) -> MessageStore:
        return InstantMessages()

    @provide
    def bell(self) -> PlannerBell:
        return SilentBell()


class SilentBell(PlannerBell):
    """Nobody comes."""

    @override
    def ring(self) -> None:
        return


class OwnChannels(Provider):
    """Channels of the benchmark, run in process, and patience with those that never answer."""

    scope = Scope.APP

    def __init__(self, order: Order) -> None:
        super().__init__()
        self._order = order

    @provide
    def catalogue(self, settings: Settings, clock: Clock) -> Catalogue:
        return Catalogue(settings.categories, _made(self._order, clock))

    @provide
    def terms(self) -> Terms:
        return Terms(lease=HOUR, deadline=HOUR)


def container_of(order: Order, settings: Settings) -> AsyncContainer:
    """Later providers take the place of earlier ones."""
    made = [*providers(settings), Instruments()]
    if order.instant:
        made.append(Instant())
    if order.channels != "log":
        made.append(OwnChannels(order))
    return make_async_container(*made, context={Settings: settings, Delivers: Delivers()})


def _made(order: Order, clock: Clock | None = None) -> Mapping[str, Channel]:
    if order.channels == "called":
        return {"sms": CalledChannel("sms", "phone"), "email": CalledChannel("email", "email")}
    if order.channels == "hosted":
        made = (SmsPlugin(), EmailPlugin())
        return {
            c.name: SupervisedChannel(
                c,
                f"{type(c).__module__}:{type(c).__name__}",
                monotonic=clock.monotonic if clock else _no,
            )
            for c in made
        }
    built_in = load_channels(("sms", "email", "push"), monotonic=clock.monotonic if clock else _no)
    return {**built_in, "awkward": AwkwardChannel("awkward", "phone")}


def _no() -> float:
    return 0.0
