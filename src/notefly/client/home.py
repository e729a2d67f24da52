"""/: the state of things: what was sent, what waits, what went wrong, and what came last."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quart import Blueprint, redirect, render_template, request

from notefly.client.broker_api import BrokerApi, Draft, Json
from notefly.client.display import Strip, strip_of
from notefly.client.injection import Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.publishing import new_key

blueprint = Blueprint("home", __name__)
LAST = 8
ENDINGS = ("delivered", "dead", "cancelled")
SAMPLES: Mapping[str, tuple[str, str]] = {
    "sports": ("Goal!", "1:0 in the 89th minute."),
    "finance": ("Rates unchanged", "The central bank leaves its rate at 2 %."),
    "movies": ("Now showing", "The film you waited for runs from Friday."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A channel: what became of everything that was ever sent on it, lately, and what waits."""

    strip: Strip
    counts: Mapping[str, int]
    lately: Mapping[str, str] | None
    """None: the broker cannot say yet."""
    open: int
    retrying: int
    paused: bool


@blueprint.get("/")
@inject
async def page(broker: Injected[BrokerApi]) -> Page:
    stats, queue, graves, last = await asyncio.gather(
        broker.get("/v1/stats"),
        broker.get("/v1/queue"),
        broker.get("/v1/dead-letters", {"group_by": "reason"}),
        broker.get("/v1/messages", {"limit": LAST}),
    )
    dead: Counter[str] = Counter()
    for group in graves["items"]:
        dead[group["channel"]] += group["count"]
    rates = stats["rates"]
    view: dict[str, Any] = {
        "stats": stats,
        "dead": dead.total(),
        "queue": queue,
        "lately": {
            name: lately(rates[f"{name}_per_second"], rates["over_seconds"])
            for name in ("accepted", "ended")
        },
        "lines": lines(stats, queue["items"], dead),
        "retrying": sum(one["retrying"] for one in queue["items"]),
        "last": [(message, strip_of_all(message)) for message in last["items"]],
        "key": new_key(),
    }
    return await render_template("home/_now.html" if in_place() else "home/page.html", **view)


@blueprint.post("/demo")
@inject
async def demo(broker: Injected[BrokerApi]) -> Page:
    """A message in each category; pressed twice it is still sent once."""
    key = (await request.form).get("key") or new_key()
    for category in await broker.categories():
        title, body = SAMPLES.get(
            category, (f"News in {category}", f"This is what {category} can look like.")
        )
        await broker.publish(Draft(category, body, title), f"{key}-{category}")
    return redirect("/", SEE_OTHER)


def lately(per_second: float | None, seconds: float | None) -> str:
    """How many in the last minute, or as much of it as the broker has seen; nothing before that."""
    if per_second is None or seconds is None:
        return ""
    return f"{per_second * seconds:,.0f}"


def lines(stats: Json, queue: Sequence[Json], dead: Mapping[str, int]) -> list[Line]:
    """One for each channel of the queue, in its order; dead is what still is."""
    ended, rates = stats["deliveries"]["by_channel"], stats["rates"]
    by_channel = rates.get("by_channel", {})  # A broker that is older than this console has none.

    def line(one: Json) -> Line:
        channel, left = one["channel"], one["deliveries_open"]
        counts = {**ended.get(channel, {}), "dead": dead.get(channel, 0)}
        strip = strip_of(channel, {**counts, "pending": left})
        minute = {
            state: lately(rate, rates["over_seconds"])
            for state in ENDINGS
            if (rate := by_channel.get(channel, {}).get(state))
        }
        known = minute if rates["over_seconds"] is not None else None
        return Line(strip, counts, known, left, one["retrying"], one["paused"])

    return [line(one) for one in queue]


def strip_of_all(message: Json) -> Strip:
    """All channels of a message in one bar."""
    return strip_of("all channels", message["deliveries"]["by_state"])
