"""/queue: what waits, how fast it goes, and channels that are held back."""

from typing import Any

from quart import Blueprint, redirect, render_template, request

from notefly.client.display import label
from notefly.client.history import History
from notefly.client.injection import Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.queue_api import QueueApi

blueprint = Blueprint("queueing", __name__)
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


@blueprint.get("/queue")
@inject
async def page(queue: Injected[QueueApi]) -> Page:
    if in_place() and request.args.get("part") == "flow":
        return await render_template("queue/_flow.html", **await _flow(queue))
    told = await queue.queue()
    now = {
        "depth": told["depth"],
        "backlog": told["backlog"],
        "channels": told["items"],
        "waiting": sum(one["deliveries_open"] for one in told["items"]),
        "paused": [label(one["channel"]) for one in told["items"] if one["paused"]],
    }
    if in_place():
        return await render_template("queue/_now.html", **now)
    return await render_template("queue/page.html", **now, **await _flow(queue))


async def _flow(queue: QueueApi) -> dict[str, Any]:
    history = History(await queue.history())
    return {"since": history.since, "flows": list(history.flows()), "series": history.series()}


@blueprint.post("/queue/<channel>/<any(pause, resume):to>")
@inject
async def switch(channel: str, to: str, queue: Injected[QueueApi]) -> Page:
    """A channel that is paused keeps what waits for it."""
    await queue.switch(channel, to)
    return redirect("/queue", SEE_OTHER)


@blueprint.app_template_filter("duration")
def duration(seconds: float) -> str:
    """In its two largest units: `2 min 5 s`."""
    left, parts = round(seconds), []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


@blueprint.app_template_filter("per_second")
def per_second(count: int, seconds: float) -> str:
    """Two figures where it is slow; "-" while nothing can be said."""
    if not seconds:
        return "-"
    rate = count / seconds
    return f"{rate:,.0f}" if rate >= 10 or not rate else f"{rate:.2g}"
