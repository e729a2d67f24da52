"""/settings: what is in effect, on the broker and here, and where each value came from."""

from collections.abc import Iterable

from quart import Blueprint, render_template

from notefly.client.broker_api import Json
from notefly.client.display import counted
from notefly.client.injection import Injected, inject
from notefly.client.pages import Page
from notefly.client.queue_api import QueueApi
from notefly.config import DEFAULT, Settings

blueprint = Blueprint("configuration", __name__)
OURS = frozenset(
    {"api_key", "broker_url", "client_port", "host", "allowed_hosts", "log", "log_level"}
)
"""What a console reads, besides what it asks the broker."""
ONE = {
    "deliveries": "delivery",
    "groups": "group",
    "nodes": "node",
    "seconds": "second",
    "streams": "stream",
}


@blueprint.get("/settings")
@inject
async def page(queue: Injected[QueueApi], settings: Injected[Settings]) -> Page:
    ours = (
        {**one._asdict(), "value": plain(one.value)} for one in settings.shown() if one.name in OURS
    )
    return await render_template(
        "settings/page.html",
        broker=set_first(await queue.settings()),
        console=set_first(ours),
        default=DEFAULT,
    )


def set_first(entries: Iterable[Json]) -> list[Json]:
    """What somebody set is what somebody looks for."""
    return sorted(entries, key=lambda one: one["source"] == DEFAULT)


def plain(value: object) -> object:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value


@blueprint.app_template_filter("amount")
def amount(one: Json) -> str:
    """A value with its unit; what counts things is cut into thousands."""
    value: float = one["value"]
    unit: str = one.get("unit", "")  # An older broker tells none.
    if not unit:
        return str(value)
    whole = int(value) if value == int(value) else value
    return counted(whole, ONE.get(unit, unit), unit)
