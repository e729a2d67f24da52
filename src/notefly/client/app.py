"""The console as a Quart application."""

import logging
from http import HTTPStatus

from quart import Quart, jsonify, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException

from notefly.client import (
    activity,
    chaos,
    configuration,
    dead,
    display,
    home,
    messages,
    navigation,
    publishing,
    queueing,
    subscriber,
    subscribers,
)
from notefly.client.broker_api import BrokerDown, BrokerLocked, BrokerRefused
from notefly.client.injection import Injected, Stopping, attach, inject, make_container
from notefly.client.links import Links
from notefly.client.pages import UNAVAILABLE, Page, in_place
from notefly.client.security import protect
from notefly.config import Settings

log = logging.getLogger(__name__)
FORM_LIMIT = 1024 * 1024
"""Bytes: the 256 KiB of a message, percent-encoded."""
BODY_SECONDS = 10
LOG_MODE = frozenset({"sms", "email", "push"})
"""The channels that come with Notefly send nothing; what a plug-in does, only its team knows."""
LOCKED = (
    "The broker does not take this console's API key, or it has none. Make one where the broker's "
    "store lies, with `notefly keys create console --scope admin`, set NOTEFLY_API_KEY to what it "
    "prints, and start the client again. For publishing and the log alone, "
    "`--scope publish --scope read` is enough."
)
LACKS = "The API key of this console is not for that: {}. Set NOTEFLY_API_KEY to such a key."
PAGES = (
    home,
    publishing,
    activity,
    messages,
    subscribers,
    subscriber,
    queueing,
    dead,
    chaos,
    configuration,
)
TITLES = {
    503: "The broker is locked",
    404: "Not found",
    409: "That cannot be done",
    422: "That cannot be done",
    500: "Something went wrong",
}
SAYINGS = {
    403: "A page of another site tried to use this one. Nothing was done.",
    404: "There is nothing at this address.",
    405: "This address does not work that way.",
    413: "That is too large; a message may have 256 KiB.",
    421: "This console does not answer to that host name. Add it to NOTEFLY_ALLOWED_HOSTS.",
    500: "Something went wrong here; the log of the client says what.",
}


def create_app(settings: Settings, stopping: Stopping) -> Quart:
    """Everything registered, nothing started."""
    app = Quart(__name__)
    app.config["MAX_CONTENT_LENGTH"] = FORM_LIMIT
    app.config["BODY_TIMEOUT"] = BODY_SECONDS
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    attach(app, make_container(settings, stopping))
    framed = {"plug_ins": sorted({*settings.channels} - LOG_MODE), "navigation": navigation.GROUPS}
    app.context_processor(lambda: framed)
    protect(app, settings)
    display.register(app)
    chaos.banner(app)
    for part in PAGES:
        app.register_blueprint(part.blueprint)
    _add_entrances(app)
    _add_error_pages(app)
    return app


def _add_entrances(app: Quart) -> None:
    @app.get("/sub")
    @inject
    async def subscriber_page(links: Injected[Links]) -> Page:
        return redirect(links.broker("/sub"))

    @app.get("/docs")
    @inject
    async def api_pages(links: Injected[Links]) -> Page:
        addresses = {"docs": links.broker("/docs"), "openapi": links.broker("/openapi.json")}
        return await render_template("docs.html", **addresses)

    @app.get("/healthz")
    async def healthy() -> Page:
        return jsonify(status="ok")


def _add_error_pages(app: Quart) -> None:
    """Each says what to do; the page for a broker that is down comes back by itself."""

    @app.errorhandler(BrokerDown)
    async def down(error: BrokerDown) -> Page:
        part = "errors/_down.html" if in_place() else "errors/down.html"
        page = await render_template(part, reason=str(error), again=request.method == "GET")
        answer = await make_response(page, UNAVAILABLE)
        answer.headers["Retry-After"] = "3"
        return answer

    @app.errorhandler(BrokerLocked)
    async def locked(error: BrokerLocked) -> Page:
        log.error("the broker refuses this console: %s", error)
        said = LACKS.format(error) if error.lacks else LOCKED
        return await _said(UNAVAILABLE, said), UNAVAILABLE

    @app.errorhandler(BrokerRefused)
    async def refused(error: BrokerRefused) -> Page:
        return await _said(error.status, str(error)), error.status

    @app.errorhandler(HTTPException)
    async def ours(error: HTTPException) -> Page:
        status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        if 300 <= status < 400:
            return error.get_response()
        return await _said(status, SAYINGS.get(status, error.description or "")), status

    @app.errorhandler(Exception)
    async def broken(error: Exception) -> Page:
        log.error("%s %s failed", request.method, request.path, exc_info=error)
        return await _said(500, SAYINGS[500]), 500


async def _said(status: int, detail: str) -> str:
    title = TITLES.get(status, HTTPStatus(status).phrase)
    part = "errors/_said.html" if in_place() else "errors/said.html"
    return await render_template(part, title=title, detail=detail.lstrip("/"))
