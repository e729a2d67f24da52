"""/queue: what waits, how fast it goes, and channels that are held back."""

from quart import Blueprint, redirect, render_template

from notefly.client.display import label
from notefly.client.history import History
from notefly.client.injection import Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.queue_api import QueueApi

blueprint = Blueprint("queueing", __name__)


@blueprint.get("/queue")
@inject
async def page(queue: Injected[QueueApi], history: Injected[History]) -> Page:
    told = await queue.queue()
    view = {
        "depth": told["depth"],
        "backlog": told["backlog"],
        "channels": told["items"],
        "waiting": sum(one["deliveries_open"] for one in told["items"]),
        "paused": [label(one["channel"]) for one in told["items"] if one["paused"]],
        "since": history.since,
        "flows": list(history.flows()),
        "series": history.series(),
    }
    return await render_template("queue/_now.html" if in_place() else "queue/page.html", **view)


@blueprint.post("/queue/<channel>/<any(pause, resume):to>")
@inject
async def switch(channel: str, to: str, queue: Injected[QueueApi]) -> Page:
    """A channel that is paused keeps what waits for it."""
    await queue.switch(channel, to)
    return redirect("/queue", SEE_OTHER)
