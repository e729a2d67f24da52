"""What machines ask a service: is it alive, is it ready, what can it do."""

import asyncio
from typing import Literal

from quart import Response, render_template
from typing_extensions import TypedDict

from notefly.broker.answers import JSON, PAGE_POLICY, Answer, json_answer
from notefly.broker.injection import Injected
from notefly.broker.lifecycle import Lifecycle, Phase
from notefly.broker.openapi import Document
from notefly.broker.problems import problem
from notefly.broker.routing import OPEN, Gives, Operation, Routes
from notefly.domain.errors import Unavailable
from notefly.ports.message_store import MessageStore
from notefly.ports.work_queue import WorkQueue

ROUTES = Routes("system", "Probes and documentation.")
PATIENCE_SECONDS = 1.0
"""With a queue that says nothing: whoever probes does not wait long either."""
HTML = "text/html; charset=utf-8"


class HealthView(TypedDict):
    status: Literal["ok"]


class ReadyView(TypedDict):
    status: Literal["ok"]
    store: Literal["ok"]
    queue: Literal["ok", "unavailable"]


@ROUTES.add("GET", "/healthz", OPEN, Operation("Is it alive", {200: Gives(HealthView)}))
async def show_health() -> Answer:
    return json_answer(HealthView(status="ok"))


@ROUTES.add(
    "GET",
    "/readyz",
    OPEN,
    Operation(
        "Does it take traffic",
        {200: Gives(ReadyView)},
        description="503 before it has started, from the moment it is told to stop, and while the "
        "store takes nothing, as on a full disk; reading goes on then. A queue that is away is "
        "told, and no reason for a 503: what is accepted waits in the store.",
        errors=(503,),
    ),
)
async def show_readiness(
    lifecycle: Injected[Lifecycle], messages: Injected[MessageStore], queue: Injected[WorkQueue]
) -> Answer:
    if lifecycle.phase is not Phase.READY:
        return problem(
            503, "unavailable", f"the broker is {lifecycle.phase}", headers=(("Retry-After", "5"),)
        )
    await messages.ready()
    return json_answer(ReadyView(status="ok", store="ok", queue=await _queue(queue)))


async def _queue(queue: WorkQueue) -> Literal["ok", "unavailable"]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await queue.ready()
    except (Unavailable, TimeoutError):
        return "unavailable"
    return "ok"


@ROUTES.add(
    "GET",
    "/openapi.json",
    OPEN,
    Operation("This API, as OpenAPI 3.1", {200: Gives(dict[str, object])}),
)
async def show_openapi(document: Injected[Document]) -> Answer:
    return Answer(200, document.json, JSON)


@ROUTES.add(
    "GET", "/docs", OPEN, Operation("This API, to read and try", {200: Gives(str, ("text/html",))})
)
async def show_docs() -> Response:
    page = await render_template("docs.html")
    return Response(page, content_type=HTML, headers={"Content-Security-Policy": PAGE_POLICY})
