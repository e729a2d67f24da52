"""What became of a message, and of each of its deliveries."""

from typing import Any

from quart import Blueprint, render_template

from notefly.client.broker_api import BrokerApi
from notefly.client.display import grid, strips
from notefly.client.injection import Injected, inject
from notefly.client.pages import Page, in_place

blueprint = Blueprint("messages", __name__)
GRID_LIMIT = 200
"""Deliveries that are shown as people by channels; of a larger message the log shows the rest."""


async def progress_of(broker: BrokerApi, message_id: str) -> dict[str, Any]:
    """How far each channel is, and who got it."""
    message = await broker.message(message_id)
    log = await broker.deliveries(GRID_LIMIT, {"message": message_id})
    return {
        "message": message,
        "strips": strips(message),
        "grid": None if log["next"] else grid(log["items"]),
    }


@blueprint.get("/messages/<message>")
@inject
async def page(message: str, broker: Injected[BrokerApi]) -> Page:
    view = await progress_of(broker, message)
    template = "messages/_progress.html" if in_place() else "messages/page.html"
    return await render_template(template, **view)


@blueprint.get("/deliveries/<delivery>")
@inject
async def one_delivery(delivery: str, broker: Injected[BrokerApi]) -> Page:
    story = await broker.delivery(delivery)
    message = await broker.message(story["message_id"])
    return await render_template("messages/delivery.html", delivery=story, message=message)
