"""The service as one ASGI application."""

from typing import Any

from quart import Quart, Response, request
from typing_extensions import override

from notefly import __version__
from notefly.application.publish import PublishMessage
from notefly.broker.answers import ALL_SAFE_BYTES, READ, SAFE, Send, response_of, send_answer
from notefly.broker.body import BrokerRequest
from notefly.broker.following import FollowEvents, FollowMessages
from notefly.broker.guard import Guard
from notefly.broker.injection import Container, Injector
from notefly.broker.lean import LeanLane, Receive, Scope
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.limits import LARGEST_DOCUMENT
from notefly.broker.openapi import Document, document
from notefly.broker.problems import answer_for
from notefly.broker.pulse import DEFAULT_BEAT, Beat, Pulse
from notefly.broker.rates import Rates
from notefly.broker.routes import (
    channels,
    deliveries,
    events,
    figures,
    messages,
    sub,
    subscribers,
    system,
)
from notefly.config import Settings
from notefly.ports.clock import Clock
from notefly.ports.event_log import EventLog
from notefly.ports.message_store import MessageStore
from notefly.ports.subscriber_store import SubscriberStore

GROUPS = (
    messages.ROUTES,
    deliveries.ROUTES,
    subscribers.ROUTES,
    channels.ROUTES,
    figures.ROUTES,
    events.ROUTES,
    sub.ROUTES,
    system.ROUTES,
)
STATIC_SECONDS = 3600
BACKSTOP_SECONDS = 30
"""For bodies, should the connection's own deadline (`protocol`) ever not be there."""


class BrokerApp(Quart):
    """Everything is a Quart route; the one hot route has a lean lane before it."""

    request_class = BrokerRequest

    def __init__(self, guard: Guard, lean: LeanLane) -> None:
        super().__init__("notefly.broker")
        self._guard = guard
        self._lean = lean
        self.config.update(
            MAX_CONTENT_LENGTH=LARGEST_DOCUMENT,
            BODY_TIMEOUT=BACKSTOP_SECONDS,
            SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS,
            PROPAGATE_EXCEPTIONS=False,
            PROVIDE_AUTOMATIC_OPTIONS=False,
        )
        self.url_map.merge_slashes = False
        self.register_error_handler(Exception, _problem)
        self.after_request(_safe)

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = self._guard.refusal(scope["method"], headers)
        if refused is not None:
            await send_answer(send, answer_for(refused), ALL_SAFE_BYTES)
        elif self._lean.takes(scope, headers):
            await self._lean(headers, receive, send)
        else:
            await super().__call__(scope, receive, send)  # type: ignore[arg-type] # plain ASGI


async def create_app(
    container: Container, settings: Settings, lifecycle: Lifecycle, beat: Beat = DEFAULT_BEAT
) -> BrokerApp:
    """With every use case resolved: what cannot be built fails here, not in a request."""
    events_log = await container.get(EventLog)
    pulse = Pulse(events_log.watch, lifecycle, beat)
    own: dict[type, object] = {
        Settings: settings,
        Lifecycle: lifecycle,
        Rates: Rates(await container.get(Clock)),
        Document: document(__version__, GROUPS),
        FollowEvents: FollowEvents(events_log, pulse),
        FollowMessages: FollowMessages(
            await container.get(MessageStore), await container.get(SubscriberStore), pulse
        ),
    }
    injector = Injector(container, own)
    lean = LeanLane(await container.get(PublishMessage))
    app = BrokerApp(Guard((settings.host, *settings.allowed_hosts)), lean)
    for group in GROUPS:
        app.register_blueprint(await group.blueprint(injector))
    return app


async def _problem(error: Exception) -> Response:
    return response_of(answer_for(error))


async def _safe(response: Response) -> Response:
    safe = SAFE | READ if request.method in ("GET", "HEAD") else SAFE
    for name, value in safe.items():
        response.headers.setdefault(name, value)
    return response
