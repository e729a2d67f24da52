"""What became of a message, of each of its recipients, and of each delivery; and replay."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from quart import Blueprint, redirect, render_template, request, url_for

from notefly.client.broker_api import BrokerApi, BrokerRefused, Json
from notefly.client.display import grid, steps, strips
from notefly.client.injection import Clock, Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.timeline import timeline

blueprint = Blueprint("messages", __name__)
HOURS = {"1": "for an hour", "24": "for a day", "168": "for a week"}
GRID_LIMIT = 200
"""Deliveries that are shown as people by channels; of a larger message the log shows the rest."""


async def progress_of(broker: BrokerApi, message_id: str, now: datetime) -> dict[str, Any]:
    """How far each channel is, and who got it."""
    message = await broker.message(message_id)
    log = await broker.deliveries(GRID_LIMIT, {"message": message_id})
    channels = await broker.in_order(message["deliveries"]["by_channel"])
    return {
        "message": message,
        "steps": steps(message),
        "strips": strips(message, channels),
        "log": log["items"],
        "grid": None if log["next"] else grid(log["items"], channels),
        "troubled": [one for one in log["items"] if one["attempts"] > 1 or one["reason"]],
        "expired": _expired(message, now),
        "hours": HOURS,
    }


@blueprint.get("/messages/<message>")
@inject
async def page(message: str, broker: Injected[BrokerApi], clock: Injected[Clock]) -> Page:
    view = await progress_of(broker, message, clock())
    if in_place():
        return await render_template("messages/_progress.html", **view)
    samples = await samples_of(broker, view)
    return await render_template("messages/page.html", **view, samples=samples)


async def samples_of(broker: BrokerApi, view: Mapping[str, Any]) -> list[Json]:
    """What goes out on each channel, to the first who gets it there; not to who was erased."""
    known = {one["channel"]: [one] for one in reversed(view["log"])}

    async def first(channel: str) -> Sequence[Json]:
        items = known.get(channel)
        if items is None:  # Of a large message the log that was read ends before.
            wanted = {"message": view["message"]["id"], "channel": channel}
            items = (await broker.deliveries(1, wanted))["items"]
        return [await broker.delivery(one["id"]) for one in items]

    found = await asyncio.gather(*(first(strip.channel) for strip in view["strips"]))
    return [story for stories in found for story in stories if story["rendered"]]


@blueprint.get("/messages/<message>/to/<subscriber>")
@inject
async def recipient(
    message: str, subscriber: str, broker: Injected[BrokerApi], clock: Injected[Clock]
) -> Page:
    """One person's deliveries of a message, on all channels, as they happened."""
    wanted = {"message": message, "subscriber": subscriber}
    told, log = await asyncio.gather(broker.message(message), broker.deliveries(GRID_LIMIT, wanted))
    stories = await asyncio.gather(*(broker.delivery(one["id"]) for one in log["items"]))
    if not stories:
        raise BrokerRefused(404, f"{subscriber} is not among those who get this message")
    channels = await broker.in_order(story["channel"] for story in stories)
    stories.sort(key=lambda story: channels.index(story["channel"]))
    part = "messages/_story.html" if in_place() else "messages/recipient.html"
    return await _stories(part, told, stories, clock())


@blueprint.get("/deliveries/<delivery>")
@inject
async def one_delivery(delivery: str, broker: Injected[BrokerApi], clock: Injected[Clock]) -> Page:
    story = await broker.delivery(delivery)
    message = await broker.message(story["message_id"])
    part = "messages/_delivery.html" if in_place() else "messages/delivery.html"
    return await _stories(part, message, [story], clock())


def _expired(message: Json, now: datetime) -> bool:
    """By this service's clock; the broker's decides."""
    end = message["expires_at"]
    return end is not None and datetime.fromisoformat(end) <= now


async def _new_end(now: datetime) -> dict[str, str]:
    """What an expired message needs to be replayed: until when it is good now."""
    hours = (await request.form).get("hours", "")
    if hours not in HOURS:
        return {}
    return {"expires_at": (now + timedelta(hours=int(hours))).isoformat()}


async def _stories(template: str, message: Json, stories: Sequence[Json], now: datetime) -> Page:
    view = {
        "stories": stories,
        "happenings": timeline(stories),
        "expired": _expired(message, now),
        "hours": HOURS,
    }
    return await render_template(template, message=message, **view)


@blueprint.post("/deliveries/<delivery>/replay")
@inject
async def replay_one(delivery: str, broker: Injected[BrokerApi], clock: Injected[Clock]) -> Page:
    """Another round for a dead letter."""
    path = f"/v1/deliveries/{quote(delivery, safe='')}/replay"
    await broker.call("POST", path, json=await _new_end(clock()))
    return redirect(url_for("messages.one_delivery", delivery=delivery), SEE_OTHER)


@blueprint.post("/messages/<message>/replay")
@inject
async def replay_all(message: str, broker: Injected[BrokerApi], clock: Injected[Clock]) -> Page:
    """Another round for all dead letters of a message."""
    wanted = {"message": message} | await _new_end(clock())
    await broker.call("POST", "/v1/dead-letters/replay", json=wanted)
    return redirect(url_for("messages.page", message=message), SEE_OTHER)


@blueprint.post("/messages/<message>/cancel")
@inject
async def cancel(message: str, broker: Injected[BrokerApi]) -> Page:
    """What has not started is not sent."""
    await broker.call("POST", f"/v1/messages/{quote(message, safe='')}/cancel")
    return redirect(url_for("messages.page", message=message), SEE_OTHER)
