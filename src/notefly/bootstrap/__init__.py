"""The composition root: where settings become objects, and where dishka is told how.

Engines are loaded by what the settings say; nothing else in the product knows which they are.
"""

from collections.abc import Iterable

from dishka import AsyncContainer, Provider, make_async_container

from notefly.bootstrap.embedded import UNKNOWN_COMMIT, EmbeddedEngine
from notefly.bootstrap.extras import extra
from notefly.bootstrap.keeping import (
    back_up,
    examine_queue,
    examine_store,
    keys,
    prove,
    restore,
    verify,
)
from notefly.bootstrap.stores import Ports
from notefly.bootstrap.surroundings import Delivers, Surroundings
from notefly.bootstrap.use_cases import UseCases
from notefly.config import Settings

__all__ = [
    "UNKNOWN_COMMIT",
    "Delivers",
    "back_up",
    "examine_queue",
    "examine_store",
    "keys",
    "make_container",
    "prove",
    "providers",
    "restore",
    "verify",
]
EVERY_CHANNEL = Delivers()


def make_container(settings: Settings, delivers: Delivers = EVERY_CHANNEL) -> AsyncContainer:
    """Everything, made when it is first asked for, closed in reverse by `close()`.

    Raises SettingsInvalid when what an engine needs is not installed.
    """
    return make_async_container(
        *providers(settings), context={Settings: settings, Delivers: delivers}
    )


def providers(settings: Settings) -> Iterable[Provider]:
    """What `make_container` is made of; a later one takes the place of an earlier one."""
    return [Surroundings(), *_engine(settings), Ports(), UseCases()]


def _engine(settings: Settings) -> Iterable[Provider]:
    if not settings.store:
        return [EmbeddedEngine()]
    with extra("postgres", "NOTEFLY_STORE"):
        from notefly.bootstrap.postgres import PostgresEngine, PostgresQueue, PostgresWakeups
    if not settings.queue:
        return [PostgresEngine(), PostgresWakeups(), PostgresQueue()]
    if settings.queue_on_redis:
        with extra("redis", "NOTEFLY_QUEUE"):
            from notefly.bootstrap.redis import RedisQueue
        return [PostgresEngine(), PostgresWakeups(), RedisQueue()]
    with extra("nats", "NOTEFLY_QUEUE"):
        from notefly.bootstrap.nats import NatsEngine
    return [PostgresEngine(), NatsEngine()]
