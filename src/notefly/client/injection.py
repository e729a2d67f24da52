"""The console's composition root, and its bridge to Quart: the only place that names dishka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NewType, ParamSpec, Protocol, TypeVar

import httpx2
from dishka import AsyncContainer, Provider, Scope, from_context, make_async_container, provide
from dishka import FromDishka as Injected
from dishka.integrations.base import wrap_injection
from quart import Quart, current_app

from notefly.client.broker_api import ANSWER_SECONDS, BrokerApi
from notefly.client.links import Links
from notefly.client.people import People
from notefly.client.people_api import PeopleApi
from notefly.client.queue_api import QueueApi
from notefly.config import Settings

__all__ = ["Clock", "Injected", "Stopping", "attach", "inject", "make_container"]

P = ParamSpec("P")
T = TypeVar("T")
EXTENSION = "notefly.container"

Stopping = NewType("Stopping", asyncio.Event)
"""Set when the service goes down: whoever holds a stream open ends it."""


class Clock(Protocol):
    """What time it is, in UTC."""

    def __call__(self) -> datetime: ...


class Console(Provider):
    """Everything lives as long as the service: no request keeps anything of its own."""

    scope = Scope.APP
    settings = from_context(Settings)
    stopping = from_context(Stopping)

    @provide
    async def http(self, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
        """A pool for calls, and room beside it for one stream per browser."""
        async with httpx2.AsyncClient(
            base_url=settings.broker_url,
            headers={"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {},
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=2.0),
            limits=httpx2.Limits(max_connections=1_000, max_keepalive_connections=50),
            trust_env=False,
        ) as http:
            yield http

    @provide
    def broker(self, http: httpx2.AsyncClient) -> BrokerApi:
        """The gateway."""
        return BrokerApi(http)

    people = provide(PeopleApi)
    queue = provide(QueueApi)
    people_and_choices = provide(People)

    @provide
    def clock(self) -> Clock:
        """The reader's and the broker's clocks are others; here it is for what is shown only."""
        return lambda: datetime.now(UTC)

    @provide
    def links(self, settings: Settings) -> Links:
        """What pages point to."""
        return Links(settings)


def make_container(settings: Settings, stopping: Stopping) -> AsyncContainer:
    """The whole graph, checked as it is built."""
    return make_async_container(Console(), context={Settings: settings, Stopping: stopping})


def attach(app: Quart, container: AsyncContainer) -> None:
    """Let the views of this app be injected, and close the container with the app."""
    app.extensions[EXTENSION] = container
    app.after_serving(container.close)


def inject(view: Callable[P, Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Fill the parameters that are marked `Injected[…]`."""
    return wrap_injection(func=view, container_getter=_container, is_async=True)


def _container(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> AsyncContainer:
    container: AsyncContainer = current_app.extensions[EXTENSION]
    return container
