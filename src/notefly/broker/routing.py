"""How a route is written down: path, what it takes and gives, and the function that answers.

The OpenAPI document is made of the same declarations, so it cannot tell another story.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from quart import Blueprint, Response

from notefly.broker.answers import JSON, Answer, response_of
from notefly.broker.fields import Query
from notefly.broker.injection import Injector
from notefly.broker.queries import Nothing
from notefly.domain.access import Scope

Handler = Callable[..., Awaitable[Answer | Response]]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
LIST_TYPES = (JSON, "application/x-ndjson", "text/csv")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a route: a key with any of these scopes, and where `link` a personal link.

    Without scopes it is open to everybody.
    """

    scopes: tuple[Scope, ...] = ()
    link: bool = False


OPEN = Access()
PUBLISH = Access((Scope.PUBLISH,))
READ = Access((Scope.READ,))
SUBSCRIBERS = Access((Scope.SUBSCRIBERS,))
READ_PEOPLE = Access((Scope.READ, Scope.SUBSCRIBERS))
"""The log shows who somebody is anyway, and who changes people has to see them."""
ADMIN = Access((Scope.ADMIN,))


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: a model, and as which media types."""

    kind: Any
    media: tuple[str, ...] = (JSON,)
    required: bool = True


@dataclass(frozen=True, slots=True)
class Gives:
    """What an answer carries: a type, `list` of it for a page, or nothing."""

    kind: Any = None
    media: tuple[str, ...] = (JSON,)
    paged: bool = False
    headers: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """Everything a caller has to know. Errors that follow from the rest are not repeated here."""

    summary: str
    gives: Mapping[int, Gives]
    description: str = ""
    query: type[Query] = Nothing
    body: Body | None = None
    headers: tuple[str, ...] = ()
    """Request headers: `Idempotency-Key`, `Last-Event-ID`."""
    errors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path; the path as Quart writes it, like `/v1/messages/<message_id>`."""

    method: Method
    rule: str
    access: Access
    operation: Operation
    handler: Handler

    @property
    def path(self) -> str:
        """As OpenAPI writes it."""
        return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.rule)


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of one subject."""

    name: str
    about: str
    routes: list[Route] = field(default_factory=list)

    def add(
        self, method: Method, rule: str, access: Access, operation: Operation
    ) -> Callable[[Handler], Handler]:
        """Decorates a handler, and leaves it as it is."""

        def remember(handler: Handler) -> Handler:
            self.routes.append(Route(method, rule, access, operation, handler))
            return handler

        return remember

    def accesses(self) -> dict[str, Access]:
        """By the name that Quart gives each route."""
        return {f"{self.name}.{r.handler.__name__}": r.access for r in self.routes}

    async def blueprint(self, injector: Injector) -> Blueprint:
        """For Quart, with the use cases in."""
        blueprint = Blueprint(self.name, __name__)
        for route in self.routes:
            given = await injector.wanted_by(route.handler)
            view = _view(route.handler, given)
            name = route.handler.__name__
            blueprint.add_url_rule(route.rule, name, view, methods=[route.method])
        return blueprint


def _view(handler: Handler, given: Mapping[str, object]) -> Callable[..., Awaitable[Response]]:
    async def view(**from_path: str) -> Response:
        answer = await handler(**from_path, **given)
        return response_of(answer) if isinstance(answer, Answer) else answer

    return view
