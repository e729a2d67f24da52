"""The service as one ASGI application."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

from quart import Quart, Response, request
from typing_extensions import override

from notefly import __version__
from notefly.application.keys import Authenticate
from notefly.application.links import Links
from notefly.application.publish import PublishMessage
from notefly.broker import sub_page
from notefly.broker.answers import (
    ALL_SAFE_BYTES,
    CONNECTION,
    READ,
    SAFE,
    Send,
    response_of,
    send_answer,
)
from notefly.broker.body import BrokerRequest
from notefly.broker.door import CALLER, Door
from notefly.broker.following import FollowEvents, FollowMessages
from notefly.broker.guard import Guard
from notefly.broker.injection import Container, Injector
from notefly.broker.lean import LeanLane, Receive, Scope
from notefly.broker.lifecycle import Lifecycle
from notefly.broker.limits import LARGEST_DOCUMENT
from notefly.broker.openapi import Document, document
from notefly.broker.problems import Malformed, TooManyRequests, answer_for
from notefly.broker.pulse import DEFAULT_BEAT, Beat, Pulse
from notefly.broker.rate_limit import TURN, RateLimit
from notefly.broker.routes import (
    channels,
    chaos,
    configuration,
    deliveries,
    events,
    figures,
    messages,
    preferences,
    sub,
    subscribers,
    system,
)
from notefly.broker.routing import OPEN, Routes
from notefly.broker.streaming import StreamLimit, Streams, served
from notefly.broker.throughput import Throughput
from notefly.config import Settings
from notefly.domain.errors import CommitUnknown, KeyMissing, LinkRefused
from notefly.ports.clock import Clock
from notefly.ports.event_log import EventLog
from notefly.ports.figures import Figures
from notefly.ports.message_store import MessageStore
from notefly.ports.subscriber_store import SubscriberStore

Raised = tuple[type, BaseException, TracebackType] | tuple[None, None, None]
GROUPS = (
    messages.ROUTES,
    deliveries.ROUTES,
    subscribers.ROUTES,
    preferences.ROUTES,
    channels.ROUTES,
    chaos.ROUTES,
    figures.ROUTES,
    configuration.ROUTES,
    events.ROUTES,
    sub.ROUTES,
    system.ROUTES,
)
log = logging.getLogger(__name__)
STATIC_SECONDS = 3600
BACKSTOP_SECONDS = 30
"""For bodies, should the connection's own deadline (`protocol`) ever not be there."""


class BrokerApp(Quart):
    """Everything is a Quart route; the one hot route has a lean lane before it."""

    request_class = BrokerRequest

    def __init__(
        self,
        guard: Guard,
        door: Door,
        lean: LeanLane,
        throughput: Throughput,
        rate: RateLimit | None = None,
    ) -> None:
        super().__init__("notefly.broker")
        self.throughput = throughput
        self._guard = guard
        self._door = door
        self._rate = rate
        self._accesses = {"static": OPEN}
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
        self.before_request(self._admit)
        self.after_request(_safe)

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        refused = _ambiguity(headers) or self._guard.refusal(scope["method"], headers)
        if refused is not None:
            await send_answer(send, answer_for(refused), ALL_SAFE_BYTES)
            return
        caller = scope[CALLER] = await self._door.caller(headers, scope["headers"])
        turn = None if self._rate is None else self._rate.turn(scope)
        if turn is not None:
            send, scope[TURN] = turn.telling(send), turn
            try:
                turn.begin()
            except TooManyRequests as error:
                await send_answer(send, answer_for(error), ALL_SAFE_BYTES)
                return
        try:
            if self._lean.takes(scope, headers):
                await self._lean(caller, headers, receive, send)
            else:
                await served(scope, send, partial(super().__call__, scope, receive))  # type: ignore[arg-type] # plain ASGI
        except CommitUnknown as error:
            log.warning("a request is left without an answer: %s", error)
            scope[CONNECTION].hang_up()

    @override
    def log_exception(self, exception_info: Raised) -> None:
        """What has no answer is told above, without a traceback."""
        if not isinstance(exception_info[1], CommitUnknown):
            super().log_exception(exception_info)

    async def serve_routes(self, groups: Iterable[Routes], injector: Injector) -> None:
        """All of them, and nothing else: what declares no access is not served."""
        for group in groups:
            self._accesses |= group.accesses()
            self.register_blueprint(await group.blueprint(injector))
        self.check_accesses()

    def check_accesses(self) -> None:
        """Raises RuntimeError for a route that does not say who may call it."""
        routed = {rule.endpoint for rule in self.url_map.iter_rules()}
        if undeclared := routed - self._accesses.keys():
            raise RuntimeError(f"who may call {', '.join(sorted(undeclared))}? Declare its access")

    async def _admit(self) -> None:
        """Nothing here: a 404 or a 405 is on its way. A route that is not declared fails."""
        if request.url_rule is not None:
            await self._door.admit(self._accesses[request.url_rule.endpoint])


def _ambiguity(headers: Mapping[bytes, bytes]) -> Exception | None:
    """What another server on the way may have understood in another way (RFC 9112, 6.1)."""
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        return Malformed.at("", "of all transfer codings only chunked is understood")
    return None


async def create_app(
    container: Container, settings: Settings, lifecycle: Lifecycle, beat: Beat = DEFAULT_BEAT
) -> BrokerApp:
    """With every use case resolved: what cannot be built fails here, not in a request."""
    events_log, clock = await container.get(EventLog), await container.get(Clock)
    throughput = Throughput(await container.get(Figures), clock)
    pulse = Pulse(events_log.watch, lifecycle, beat)
    own: dict[type, object] = {
        Settings: settings,
        Lifecycle: lifecycle,
        Throughput: throughput,
        Document: document(__version__, GROUPS),
        FollowEvents: FollowEvents(events_log, pulse),
        Streams: Streams(StreamLimit(settings.stream_limit_in_force)),
        FollowMessages: FollowMessages(
            await container.get(MessageStore), await container.get(SubscriberStore), pulse
        ),
    }
    injector = Injector(container, own)
    lean = LeanLane(await container.get(PublishMessage))
    door = Door(
        await container.get(Authenticate),
        await container.get(Links),
        required=settings.keys_required,
    )
    policy = settings.rate_limit_in_force
    rate = None if policy is None else RateLimit(policy, clock)
    guard = Guard((settings.host, *settings.allowed_hosts))
    app = BrokerApp(guard, door, lean, throughput, rate)
    await app.serve_routes(GROUPS, injector)
    return app


async def _problem(error: Exception) -> Response:
    unknown = getattr(error, "original_exception", error)
    if isinstance(unknown, CommitUnknown):
        raise unknown  # Quart asks twice, the second time about an error of the server.
    if isinstance(error, KeyMissing | LinkRefused) and sub_page.is_wanted_as_page():
        return await sub_page.closed(answer_for(error))
    return response_of(answer_for(error))


async def _safe(response: Response) -> Response:
    safe = SAFE | READ if request.method in ("GET", "HEAD") else SAFE
    for name, value in safe.items():
        response.headers.setdefault(name, value)
    return response
