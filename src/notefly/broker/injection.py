"""The bridge between dishka and Quart: the one place of the broker that names dishka.

A handler asks for its use cases by the types of its parameters. They are singletons, so they are
resolved once, when the service starts, and a request pays nothing for it.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, get_type_hints

from dishka import AsyncContainer as Container
from dishka import FromDishka as Injected
from dishka.integrations.base import default_parse_dependency

__all__ = ["Container", "Injected", "Injector"]


class Injector:
    """Knows the container, and what the service itself brings along."""

    def __init__(self, container: Container, own: Mapping[type, object]) -> None:
        self._container = container
        self._own = own

    async def wanted_by(self, handler: Callable[..., Any]) -> dict[str, object]:
        """The arguments for every parameter that is `Injected[…]`."""
        hints = get_type_hints(handler, include_extras=True)
        found: dict[str, object] = {}
        for name, parameter in signature(handler).parameters.items():
            key = default_parse_dependency(parameter, hints.get(name))
            if key is not None:
                found[name] = await self.get(key.type_hint)
        return found

    async def get(self, kind: type[Any]) -> Any:
        """One of them."""
        return self._own[kind] if kind in self._own else await self._container.get(kind)
