"""/chaos: make channels misbehave on purpose, and stop it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from quart import Blueprint, Quart, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from notefly.client.broker_api import BrokerApi, BrokerDown, BrokerLocked, BrokerRefused, Json
from notefly.client.injection import Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place

blueprint = Blueprint("chaos", __name__)
CHAOS = "/v1/chaos"
GLANCE_SECONDS = 2.0
NEEDS_ADMIN = (
    "This console's API key may look, but not turn the dials. Make one with "
    "`notefly keys create console --scope admin`, set NOTEFLY_API_KEY to what it prints, and start "
    "the client again."
)


@dataclass(frozen=True, slots=True)
class Dial:
    """What can be turned, and how it is shown: `scale` of its unit are one of the API's."""

    name: str
    label: str
    hint: str
    unit: str
    most: float
    step: float
    scale: float

    def shown(self, value: float) -> str:
        return f"{value * self.scale:g}"


DIALS = (
    Dial("failure_rate", "Fails", "of the people; tried again", "%", 100, 5, 100),
    Dial("refusal_rate", "Refuses", "of the people; a dead letter at once", "%", 100, 5, 100),
    Dial("timeout_rate", "Times out", "of the calls; tried again", "%", 100, 5, 100),
    Dial("latency_seconds", "Late by", "before every answer", "s", 10, 0.5, 1),
)


@blueprint.get("/chaos")
@inject
async def page(broker: Injected[BrokerApi]) -> Page:
    chaos = await broker.get(CHAOS)
    return await _page(broker, chaos, chaos["channels"])


@blueprint.post("/chaos")
@inject
async def turn(broker: Injected[BrokerApi]) -> Page:
    """All dials as the form has them, or at rest."""
    form = await request.form
    chaos = await broker.get(CHAOS)
    wanted = {} if "stop" in form else _wanted(form, chaos["channels"])
    shown = chaos["channels"] | wanted
    try:
        await broker.call("PUT", CHAOS, json={"channels": wanted})
    except BrokerRefused as error:
        return await _page(broker, chaos, shown, str(error)), error.status
    except BrokerLocked:
        return await _page(broker, chaos, shown, NEEDS_ADMIN), HTTPStatus.FORBIDDEN
    return redirect(url_for("chaos.page"), SEE_OTHER)


@blueprint.get("/chaos/banner")
async def banner_alone() -> Page:
    """For pages that were open when it was turned."""
    here = "here" in request.args
    return await render_template("chaos/_banner.html", misbehaving=await _misbehaving(), here=here)


def banner(app: Quart) -> None:
    """Every page tells which channels misbehave; parts of pages have been told."""

    @app.context_processor
    async def misbehaving() -> dict[str, Sequence[str]]:
        return {"misbehaving": [] if in_place() else await _misbehaving()}


@inject
async def _misbehaving(broker: Injected[BrokerApi]) -> Sequence[str]:
    """None where the broker does not say: the page has a reason to show of its own.

    Every page asks for it, so it is not waited for long.
    """
    try:
        told = await broker.call("GET", CHAOS, timeout=GLANCE_SECONDS)
        turned = [name for name, dials in told["channels"].items() if any(dials.values())]
        return await broker.in_order(turned)
    except (BrokerDown, BrokerLocked, BrokerRefused):
        return []


def _wanted(form: MultiDict[str, str], channels: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: {dial.name: _value(form.get(f"{name}.{dial.name}", "0"), dial) for dial in DIALS}
        for name in channels
    }


def _value(written: str, dial: Dial) -> float:
    """What is no number, as no slider sends it, is at rest."""
    try:
        return float(written) / dial.scale
    except ValueError:
        return 0.0


async def _page(
    broker: BrokerApi, chaos: Json, turned: Mapping[str, Json], refusal: str = ""
) -> str:
    channels = {name: turned[name] for name in await broker.in_order(turned)}
    return await render_template(
        "chaos/page.html", chaos=chaos, channels=channels, dials=DIALS, refusal=refusal
    )
