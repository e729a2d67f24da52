"""/: the state of things: what was sent, what waits, what went wrong, and what came last."""

import asyncio
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
SAMPLES: Mapping[str, tuple[str, str]] = {
    "sports": ("Goal!", "1:0 in the 89th minute."),
    "finance": ("Rates unchanged", "The central bank leaves its rate at 2 %."),
    "movies": ("Now showing", "The film you waited for runs from Friday."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A channel: what became of everything that was ever sent on it, and what waits."""

    strip: Strip
    open: int
    retrying: int
    paused: bool


@blueprint.get("/")
@inject
async def page(broker: Injected[BrokerApi]) -> Page:
    stats, queue, last = await asyncio.gather(
        broker.get("/v1/stats"),
        broker.get("/v1/queue"),
        broker.get("/v1/messages", {"limit": LAST}),
    )
    view: dict[str, Any] = {
        "stats": stats,
        "queue": queue,
        "minutely": {name: per_minute(stats["rates"], name) for name in ("accepted", "ended")},
        "lines": lines(stats, queue["items"]),
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


def per_minute(rates: Json, name: str) -> str:
    """As far as it is known: the broker compares two moments."""
    rate = rates[f"{name}_per_second"]
    if rate is None:
        return ""
    minutely = rate * 60
    return f"{minutely:,.0f}" if minutely >= 10 or minutely == 0 else f"{minutely:.1f}"


def lines(stats: Json, queue: Sequence[Json]) -> list[Line]:
    """One for each channel of the queue, in its order."""
    ended = stats["deliveries"]["by_channel"]
    return [
        Line(
            strip=strip_of(
                one["channel"], ended.get(one["channel"], {}) | {"pending": one["deliveries_open"]}
            ),
            open=one["deliveries_open"],
            retrying=one["retrying"],
            paused=one["paused"],
        )
        for one in queue
    ]


def strip_of_all(message: Json) -> Strip:
    """All channels of a message in one bar."""
    return strip_of("all channels", message["deliveries"]["by_state"])
