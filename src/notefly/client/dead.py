"""/dead: what was given up, by reason; looked at first, then tried again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from quart import Blueprint, redirect, render_template, request
from werkzeug.datastructures import MultiDict

from notefly.client.broker_api import BrokerApi, BrokerRefused
from notefly.client.injection import Clock, Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.queue_api import QueueApi

blueprint = Blueprint("dead", __name__)
PAGE_SIZE = 25
FILTERS = ("channel", "reason", "category", "subscriber", "message", "since")
REASONS: Mapping[str, str] = {
    "refused": "The channel said no for good",
    "exhausted": "Every attempt failed",
    "expired": "Its time ran out before it went out",
    "poison": "The channel's process died on it twice",
}
LONGER: Mapping[str, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
"""What a message that has expired may be given."""


@blueprint.get("/dead")
@inject
async def page(broker: Injected[BrokerApi], queue: Injected[QueueApi]) -> Page:
    groups = await queue.dead_groups()
    if in_place():
        return await render_template("dead/_groups.html", groups=groups, reasons=REASONS)
    wanted = wanted_of(request.args)
    cursor = request.args.get("cursor", "")
    view = {
        "groups": groups,
        "total": sum(group["count"] for group in groups),
        "reasons": REASONS,
        "wanted": wanted,
        "cursor": cursor,
        "replayed": request.args.get("replayed", type=int),
        "narrowed": bool(wanted) or "all" in request.args,
        "letters": None,
    }
    if view["narrowed"]:
        found = await queue.dead(PAGE_SIZE, wanted | ({"cursor": cursor} if cursor else {}))
        ids = list(dict.fromkeys(one["message_id"] for one in found["items"]))
        view |= {
            "matching": await queue.count_dead(wanted),
            "letters": found["items"],
            "messages": await broker.headings(ids),
            "newest": address(wanted) if cursor else "",
            "older": address(wanted, cursor=found["next"]) if found["next"] else "",
        }
    names = {"categories": await broker.categories(), "channels": await broker.channels()}
    return await render_template("dead/page.html", **view, **names)


@blueprint.post("/dead/replay")
@inject
async def replay(queue: Injected[QueueApi], clock: Injected[Clock]) -> Page:
    """Everything that matches, which the page counted before, or the one that `delivery` names."""
    form = await request.form
    wanted, end = wanted_of(form), new_end(form, clock())
    if delivery := form.get("delivery"):
        await queue.replay(delivery, end)
        replayed = 1
    elif wanted or "all" in form:
        replayed = await queue.replay_all(wanted | end)
    else:
        raise BrokerRefused(422, "choose first which dead letters to replay")
    return redirect(address(wanted if delivery else {}, replayed=str(replayed)), SEE_OTHER)


def wanted_of(given: MultiDict[str, str]) -> dict[str, str]:
    """The filters that are set. A time without a zone, as forms write it, is in UTC."""
    wanted = {name: given[name].strip() for name in FILTERS if given.get(name, "").strip()}
    if "since" in wanted:
        wanted["since"] = in_utc(wanted["since"])
    return wanted


def in_utc(text: str) -> str:
    """RFC 3339, where it is a time at all; the broker says what is wrong with what is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def new_end(form: MultiDict[str, str], now: datetime) -> dict[str, str]:
    """Messages that have expired are left out, unless they are given longer."""
    longer = LONGER.get(form.get("longer", ""))
    return {} if longer is None else {"expires_at": (now + longer).isoformat()}


def address(wanted: Mapping[str, str], **more: str) -> str:
    """This page with these filters."""
    given = {**wanted, **more}
    return "/dead" + (f"?{urlencode(given)}" if given else "")
