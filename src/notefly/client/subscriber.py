"""/subscribers/<id>: one person, what they chose, what they got lately; a test, a link, erasure."""

import asyncio
from typing import Any

from quart import Blueprint, redirect, render_template, request

from notefly.client.broker_api import BrokerRefused, Json
from notefly.client.choices import person
from notefly.client.display import by_message
from notefly.client.injection import Injected, inject
from notefly.client.pages import SEE_OTHER, Page, in_place
from notefly.client.people import People, to_person
from notefly.client.profiles import Profile, kinds_of

blueprint = Blueprint("subscriber", __name__)
LATELY = 20


@blueprint.get("/subscribers/<subscriber>")
@inject
async def page(subscriber: str, people: Injected[People]) -> Page:
    stored = await people.api.one(subscriber)
    if in_place():
        return await render_template("subscribers/_lately.html", **await _lately(people, stored))
    return await _page(people, stored, Profile.stored(stored))


@blueprint.post("/subscribers/<subscriber>")
@inject
async def save(subscriber: str, people: Injected[People]) -> Page:
    """Name and addresses."""
    written = Profile.written(await request.form)
    try:
        await people.api.change(subscriber, written.change())
    except BrokerRefused as error:
        if error.status == 404:
            raise
        stored = await people.api.one(subscriber)
        return await _page(people, stored, written.refused(error)), error.status
    return redirect(to_person(subscriber, said="saved"), SEE_OTHER)


@blueprint.post("/subscribers/<subscriber>/test")
@inject
async def send_test(subscriber: str, people: Injected[People]) -> Page:
    """A message that only they get."""
    form = await request.form
    content = {
        name: form[name].strip().replace("\r\n", "\n")
        for name in ("category", "title", "body")
        if form.get(name, "").strip()
    }
    try:
        message = await people.api.send_test(subscriber, content)
    except BrokerRefused as error:
        if error.status == 404:
            raise
        stored = await people.api.one(subscriber)
        view = {"test": content, "test_refusal": str(error)}
        return await _page(people, stored, Profile.stored(stored), **view), error.status
    return redirect(to_person(subscriber, said="sent", message=message), SEE_OTHER)


@blueprint.post("/subscribers/<subscriber>/link")
@inject
async def make_link(subscriber: str, people: Injected[People]) -> Page:
    """Shown once, in the answer: whoever has it may change what this person gets."""
    link = await people.api.link(subscriber)
    stored = await people.api.one(subscriber)
    return await _page(people, stored, Profile.stored(stored), link=link)


@blueprint.post("/subscribers/<subscriber>/erase")
@inject
async def erase(subscriber: str, people: Injected[People]) -> Page:
    """For good."""
    await people.api.erase(subscriber)
    return redirect("/subscribers?said=erased", SEE_OTHER)


async def _lately(people: People, stored: Json) -> dict[str, Any]:
    log = await people.broker.deliveries(LATELY, {"subscriber": stored["id"]})
    lately = list(by_message(log["items"]))
    messages = await people.broker.headings([message for message, _ in lately])
    return {"subscriber": stored, "lately": lately, "messages": messages}


async def _page(people: People, stored: Json, written: Profile, **more: Any) -> str:
    catalogue, lately = await asyncio.gather(people.catalogue(), _lately(people, stored))
    view = {"test": {}, "test_refusal": "", "link": None} | more
    return await render_template(
        "subscribers/person.html",
        **lately,
        person=person(stored, catalogue.categories, catalogue.channels),
        profile=written,
        categories=catalogue.categories,
        channels=catalogue.channels,
        kinds=kinds_of(catalogue.channels),
        said=request.args.get("said", ""),
        sent=request.args.get("message", ""),
        back=to_person(stored["id"]),
        **view,
    )
