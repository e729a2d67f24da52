"""/pub: write a message, see who will get it and how, send it, see what became of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from quart import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from notefly.client.audience import preview_of
from notefly.client.broker_api import BrokerApi, BrokerDown, BrokerRefused, Draft
from notefly.client.injection import Clock, Injected, inject
from notefly.client.links import Links
from notefly.client.messages import progress_of
from notefly.client.pages import SEE_OTHER, UNAVAILABLE, Page, in_place

blueprint = Blueprint("publishing", __name__)
FIELDS = {"category": "The category", "title": "The title", "body": "The text"}
REUSED = (
    "This form was sent before, with other content, and that went out. "
    "Press Publish again to send this as a message of its own."
)


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it is shown: what was written, its key, and what is wrong with it."""

    draft: Draft
    key: str
    problems: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""

    def refused(self, error: BrokerRefused) -> "Form":
        """The same with the broker's reasons; a spent key is replaced."""
        if error.code == "key-reused":
            return replace(self, key=new_key(), refusal=REUSED)
        problems = {pointer.strip("/"): detail for pointer, detail in error.problems.items()}
        told = "; ".join(f"{FIELDS.get(name, name)} {said}" for name, said in problems.items())
        return replace(self, problems=problems, refusal=told or str(error))


def new_key() -> str:
    """Made when a form is shown, so that sending it twice is sending it once."""
    return secrets.token_urlsafe(18)


def form_of(fields: MultiDict[str, str]) -> Form:
    """Browsers send line ends as CRLF (HTML, form submission); a message has LF."""
    body = fields.get("body", "").replace("\r\n", "\n")
    draft = Draft(fields.get("category", ""), body, fields.get("title", "").strip())
    return Form(draft, fields.get("key") or new_key())


@blueprint.get("/pub")
@inject
async def page(broker: Injected[BrokerApi], links: Injected[Links]) -> Page:
    categories = await broker.categories()
    wanted = request.args.get("category", "")
    chosen = wanted if wanted in categories else categories[0]
    return await _page(broker, links, Form(Draft(chosen, ""), new_key()))


@blueprint.post("/pub/preview")
@inject
async def preview(broker: Injected[BrokerApi], links: Injected[Links]) -> Page:
    """The panel beside the form; without scripts the whole page."""
    form = form_of(await request.form)
    if not in_place():
        return await _page(broker, links, form)
    return await render_template("pub/_look.html", **await preview_of(broker, links, form.draft))


@blueprint.post("/pub")
@inject
async def send(broker: Injected[BrokerApi], links: Injected[Links], clock: Injected[Clock]) -> Page:
    """Publish, then show what becomes of it: in place for scripts, as a page of its own without."""
    form = form_of(await request.form)
    try:
        message = await broker.publish(form.draft, form.key)
    except BrokerRefused as error:
        form = form.refused(error)
        if in_place():
            return await _refusing("pub/_refused.html", error.status, form=form, fresh=True)
        return await _page(broker, links, form), error.status
    except BrokerDown as error:
        if in_place():
            return await _refusing("pub/_unsure.html", UNAVAILABLE, form=form, error=error)
        return await render_template("pub/unsure.html", form=form, error=error), UNAVAILABLE
    if not in_place():
        return redirect(url_for("messages.page", message=message), SEE_OTHER)
    view = await progress_of(broker, message, clock())
    return await render_template("pub/_sent.html", **view, next_key=new_key())


async def _refusing(template: str, status: int, **view: object) -> Page:
    """A part that stands above the form, where scripts put what was sent below it."""
    response = await make_response(await render_template(template, **view), status)
    response.headers.update({"HX-Retarget": "#refused", "HX-Reswap": "innerHTML"})
    return response


async def _page(broker: BrokerApi, links: Links, form: Form) -> str:
    return await render_template(
        "pub/page.html",
        form=form,
        categories=await broker.categories(),
        **await preview_of(broker, links, form.draft),
    )
