"""/activity: the log, newest first, live; and /events, the stream that keeps pages live."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Literal
from urllib.parse import urlencode

from quart import Blueprint, Response, render_template, request

from notefly.client.broker_api import BrokerApi, BrokerDown, BrokerLocked, BrokerRefused
from notefly.client.display import STATES, by_message
from notefly.client.injection import Injected, Stopping, inject
from notefly.client.pages import Page, in_place

blueprint = Blueprint("activity", __name__)
PAGE_SIZE = 50
UNSEEN = ("reason", "since", "until")
"""Filters without a field: other pages lead here with them."""
FILTERS = ("category", "channel", "state", "subscriber", "message", *UNSEEN)
EXPORTS = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
RETRY = b"retry: 2000\n\n"
UP, DOWN = b"event: up\ndata: {}\n\n", b"event: down\ndata: {}\n\n"


@blueprint.get("/activity")
@inject
async def page(broker: Injected[BrokerApi]) -> Page:
    wanted = filters()
    cursor = request.args.get("cursor", "")
    log = await broker.deliveries(PAGE_SIZE, wanted | ({"cursor": cursor} if cursor else {}))
    groups = list(by_message(log["items"]))
    view = {
        "groups": groups,
        "messages": await broker.headings(list(dict.fromkeys(name for name, _ in groups))),
        "wanted": wanted,
        "cursor": cursor,
        "newest": address(wanted),
        "older": address(wanted | {"cursor": log["next"]}) if log["next"] else "",
    }
    if in_place():
        return await render_template("activity/_log.html", **view)
    names = {"categories": await broker.categories(), "channels": await broker.channels()}
    links = {"unseen": UNSEEN, "exports": EXPORTS, "query": address(wanted, "")}
    return await render_template(
        "activity/page.html", **view, **names, **links, states=sorted(STATES)
    )


@blueprint.get("/activity/export.<any(csv, ndjson):kind>")
@inject
async def export(kind: str, broker: Injected[BrokerApi]) -> Page:
    """All of the log that the filters match, page by page, however long it is."""
    pages = broker.export("/v1/deliveries", EXPORTS[kind], filters())
    first = await anext(pages)  # A refusal must come before the headers have gone.
    response = Response(_following(first, pages), content_type=f"{EXPORTS[kind]}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="notefly-log.{kind}"'
    response.timeout = None
    return response


async def _following(first: bytes, pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for page in pages:
        yield page


def filters() -> dict[str, str]:
    """What the address asks for."""
    return {name: request.args[name].strip() for name in FILTERS if request.args.get(name)}


def address(wanted: Mapping[str, str], path: str = "/activity") -> str:
    """A page with these filters."""
    return path + (f"?{urlencode(wanted)}" if wanted else "")


@blueprint.get("/events")
@inject
async def events(broker: Injected[BrokerApi], stopping: Injected[Stopping]) -> Page:
    """The broker's stream, so that pages need no other origin; resumed by `Last-Event-ID`.

    `after` says the same for a browser that opens the stream anew and cannot send the header.
    """
    after = request.headers.get("Last-Event-ID") or request.args.get("after")
    response = Response(_relay(broker, after, stopping), content_type="text/event-stream")
    response.timeout = None
    return response


async def _relay(broker: BrokerApi, after: str | None, stopping: Stopping) -> AsyncIterator[bytes]:
    """Until one of three ends it: the broker, the reader, or this service going down.

    A broker that is down is told and the stream ended: the browser comes back by itself.
    """
    down = asyncio.ensure_future(stopping.wait())
    try:
        yield RETRY
        async with broker.events(after) as chunks:
            yield UP
            while chunk := await _next_before(down, chunks):
                yield chunk
    except (BrokerDown, BrokerRefused, BrokerLocked):
        yield DOWN
    finally:
        down.cancel()


async def _next_before(down: asyncio.Future[Literal[True]], chunks: AsyncIterator[bytes]) -> bytes:
    """The next chunk; empty at the end of the stream, or when the service goes down first."""
    coming = asyncio.ensure_future(_next(chunks))
    try:
        await asyncio.wait((coming, down), return_when=asyncio.FIRST_COMPLETED)
        return coming.result() if coming.done() else b""
    finally:
        coming.cancel()
        await asyncio.wait({coming})


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, b"")
