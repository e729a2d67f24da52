"""/subscribers: who gets what, each choice saved at a click; and somebody new."""

from collections.abc import Mapping
from urllib.parse import urlencode

from quart import Blueprint, redirect, render_template, request

from notefly.client.broker_api import BrokerRefused, Json
from notefly.client.choices import person
from notefly.client.injection import Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.people import People, to_person
from notefly.client.profiles import Kind, Profile, kinds_of

blueprint = Blueprint("subscribers", __name__)
PAGE_SIZE = 25


@blueprint.get("/subscribers")
@inject
async def page(people: Injected[People]) -> Page:
    return await _page(people, Profile())


@blueprint.post("/subscribers")
@inject
async def add(people: Injected[People]) -> Page:
    """Somebody new; what they get is chosen on their own page."""
    written = Profile.written(await request.form)
    try:
        stored = await people.api.add(written.creation())
    except BrokerRefused as error:
        return await _page(people, written.refused(error)), error.status
    return redirect(to_person(stored["id"], said="added"), SEE_OTHER)


@blueprint.post("/subscribers/<subscriber>/choice")
@inject
async def choose(subscriber: str, people: Injected[People]) -> Page:
    """One cell: for scripts the line of the person anew, otherwise back to where it was clicked."""
    form = await request.form
    stored = await people.choose(subscriber, form.get("choice", ""))
    if not in_place():
        back = form.get("back", "")
        return redirect(back if back.startswith("/subscribers") else "/subscribers", SEE_OTHER)
    return await _line(people, stored, alone="alone" in form)


@blueprint.get("/subscribers/<subscriber>/choice")
@inject
async def chosen(subscriber: str, people: Injected[People]) -> Page:
    """For scripts: the line of the person as it is now; for a reader their page."""
    if not in_place():
        return redirect(to_person(subscriber), SEE_OTHER)
    return await _line(people, await people.api.one(subscriber), alone="alone" in request.args)


async def _line(people: People, stored: Json, *, alone: bool) -> str:
    """What they chose: on their own page as a table, otherwise as a line of the grid."""
    catalogue = await people.catalogue()
    shown = person(stored, catalogue.categories, catalogue.channels)
    template = "subscribers/_choices.html" if alone else "subscribers/_row.html"
    return await render_template(template, person=shown, channels=catalogue.channels)


@blueprint.post("/addresses/check")
@inject
async def check(people: Injected[People]) -> Page:
    """A field of an address while it is written: in its one spelling, or what is wrong with it."""
    form = await request.form
    catalogue = await people.catalogue()
    kinds = {one.name: one for one in kinds_of(catalogue.channels)}
    kind = kinds.get(form.get("kind", ""))
    if kind is None:
        raise BrokerRefused(422, "no configured channel uses this kind of address")
    written = form.get(f"address:{kind.name}", "").strip()
    found = await people.api.check(kind.name, written) if written else {"value": "", "problem": ""}
    return await render_template(
        "subscribers/_address.html",
        kind=kind,
        value=found["value"] or written,
        problem=found["problem"],
        checked=bool(found["value"]),
    )


async def _page(people: People, written: Profile) -> str:
    catalogue = await people.catalogue()
    wanted = {n: v for n in ("q", "cursor") if (v := request.args.get(n, "").strip())}
    found = await people.api.page(PAGE_SIZE, wanted)
    shown = [person(one, catalogue.categories, catalogue.channels) for one in found["items"]]
    return await render_template(
        "subscribers/page.html",
        people=shown,
        profile=written,
        categories=catalogue.categories,
        channels=catalogue.channels,
        kinds=kinds_of(catalogue.channels),
        sought=wanted.get("q", ""),
        first=address(wanted, cursor="") if "cursor" in wanted else "",
        next=address(wanted, cursor=found["next"]) if found["next"] else "",
        said=request.args.get("said", ""),
        back=request.full_path.rstrip("?"),
    )


def address(wanted: Mapping[str, str], **more: str) -> str:
    """This page with these filters."""
    given = {name: value for name, value in {**wanted, **more}.items() if value}
    return "/subscribers" + (f"?{urlencode(given)}" if given else "")


@blueprint.app_template_filter("kind")
def kind_label(name: str) -> str:
    """A kind of address as people write it."""
    return Kind(name, ()).label
