"""The subscriber's own page, and the stream of messages behind the same address."""

from dataclasses import replace
from urllib.parse import quote

from quart import Response, request

from notefly.application.catalogue import Catalogue
from notefly.application.links import NO_USE
from notefly.application.subscribers import ProfileChange, Subscribers
from notefly.broker import choosing, people, views
from notefly.broker.answers import Answer, json_answer
from notefly.broker.body import FORM, read_body, read_json, require_media
from notefly.broker.choosing import Choices
from notefly.broker.door import stay, visit
from notefly.broker.following import FollowMessages, MessagesWanted
from notefly.broker.injection import Injected
from notefly.broker.queries import LinkQuery, SubPageQuery, read_query
from notefly.broker.reading import Reader
from notefly.broker.requests import AddressIn
from notefly.broker.routing import READ, SUBSCRIBERS, Access, Body, Gives, Operation, Routes
from notefly.broker.sse import MEDIA
from notefly.broker.streaming import Streams
from notefly.broker.sub_page import HTML, SubPage, address, is_wanted_as_page
from notefly.domain.errors import Invalid, LinkRefused, NotFound
from notefly.domain.ids import SubscriberId
from notefly.domain.subscriber import Subscriber
from notefly.ports.clock import Clock, Ids
from notefly.ports.subscriber_store import SubscriberStore

ROUTES = Routes("sub", "The subscriber's own page, and a live stream of messages.")
SEE_OWN = Access(READ.scopes, link=True)
CHANGE_OWN = Access(SUBSCRIBERS.scopes, link=True)
CLOSED = Gives(str, (HTML,), text="The page, saying that this link opens nothing.")
ADDRESS = Reader(AddressIn)
UNSUBSCRIBE = b"action=unsubscribe"
LEAVE = ProfileChange(categories=frozenset(), overrides={})
"""Every category is left, with what was chosen for it; addresses and message types stay."""


@ROUTES.add(
    "GET",
    "/sub",
    SEE_OWN,
    Operation(
        "The page for browsers; for `Accept: text/event-stream` messages as they are accepted",
        {
            200: Gives(views.StreamedView, (HTML, MEDIA)),
            401: CLOSED,
            403: CLOSED,
            404: Gives(str, (HTML,), text="The page, saying that nobody has this id."),
        },
        description="With `subscriber` the stream holds what this person follows, and says on "
        "which channels. With `link`, a personal link, it is that person's page and stream. "
        "`Last-Event-ID` (a message's id) resumes it; `event: reset` says that it "
        "began anew.",
        query=SubPageQuery,
        headers=("Last-Event-ID",),
    ),
)
async def show_sub(
    catalogue: Injected[Catalogue],
    subscribers: Injected[Subscribers],
    store: Injected[SubscriberStore],
    follow: Injected[FollowMessages],
    streams: Injected[Streams],
) -> Response:
    asked = read_query(SubPageQuery)
    theirs = _whose(asked.subscriber)
    named = asked.subscriber if theirs is None else theirs.profile.id
    if not is_wanted_as_page():
        after = request.headers.get("Last-Event-ID", asked.after)
        whose = None if named is None else SubscriberId(named)
        wanted = MessagesWanted(frozenset(asked.category), whose)
        return streams.answer(await follow(after, wanted, stay()))
    page = SubPage(catalogue, store)
    if theirs is not None:
        return await page.show(Choices.stored(theirs.profile), said=asked.saved)
    if not named:
        return await page.show(Choices())
    try:
        found = await subscribers.get(SubscriberId(named))
    except NotFound as error:
        return await page.show(Choices(), {"/id": [str(error)]}, status=404)
    return await page.show(Choices.stored(found.profile), said=asked.saved)


@ROUTES.add(
    "POST",
    "/sub",
    CHANGE_OWN,
    Operation(
        "Save the page's form",
        {
            303: Gives(headers=("Location",), text="Saved; back to the page."),
            401: CLOSED,
            403: CLOSED,
            422: Gives(str, (HTML,), text="The page again, saying what is wrong."),
        },
        description="Fields: `id` (empty registers somebody new), `name`, `address:<kind>`, and "
        "`get:<category>` for each channel on which they get that category; the others they do not "
        "get. With `action=unsubscribe` nothing else is looked at but `id`.",
        query=LinkQuery,
        body=Body(dict[str, list[str]], (FORM,)),
        errors=(404, 409),
    ),
)
async def save_sub(
    catalogue: Injected[Catalogue],
    subscribers: Injected[Subscribers],
    store: Injected[SubscriberStore],
    ids: Injected[Ids],
    clock: Injected[Clock],
) -> Answer | Response:
    require_media(FORM)
    body = await read_body()
    sent = Choices.sent(body)
    theirs = _whose(sent.id)
    if theirs is not None:
        sent = replace(sent, id=theirs.profile.id)
    try:
        if UNSUBSCRIBE in body.split(b"&"):
            return await _revised(subscribers, sent, LEAVE, theirs)
        if sent.id:
            return await _revised(subscribers, sent, sent.change(), theirs)
        [stored] = await subscribers.add([sent.profile(ids.message(clock.now()))])
    except Invalid as error:
        wrong = people.where_written(error, frozenset(), "" if sent.id else "/0")
        return await SubPage(catalogue, store).show(sent, choosing.told(wrong), status=422)
    return _back_to(stored.profile.id, "saved")


def _whose(named: str | None) -> Subscriber | None:
    """Whose the page is, for who came by a link; then nobody else can be named."""
    came = visit()
    if came is None:
        return None
    if named not in (None, "", came.subscriber.profile.id):
        raise LinkRefused(NO_USE)
    return came.subscriber


async def _revised(
    subscribers: Subscribers, sent: Choices, change: ProfileChange, theirs: Subscriber | None
) -> Answer:
    said = "left" if change is LEAVE else "saved"
    if theirs is None:
        await subscribers.revise(SubscriberId(sent.id), change)
        return _back_to(sent.id, said)
    try:
        await subscribers.revise(theirs.profile.id, change, theirs.key)
    except NotFound:
        raise LinkRefused(NO_USE) from None
    return _back_to(sent.id, said)


def _back_to(subscriber: str, said: str) -> Answer:
    came = visit()
    page = f"/sub?subscriber={quote(subscriber, safe='')}" if came is None else address(came.token)
    return Answer(303, b"", "text/plain", (("Location", f"{page}&saved={said}"),))


@ROUTES.add(
    "POST",
    "/sub/check",
    CHANGE_OWN,
    Operation(
        "Look at an address while it is typed",
        {200: Gives(people.AddressView)},
        description="`value` in its one spelling, or null and the `problem`.",
        query=LinkQuery,
        body=Body(AddressIn),
    ),
)
async def check_address(catalogue: Injected[Catalogue]) -> Answer:
    asked = await read_json(ADDRESS)
    seen: people.AddressView = {"kind": asked.kind, "value": None, "problem": None}
    if asked.kind not in catalogue.kinds.values():
        raise Invalid.at("/kind", "no configured channel uses this kind of address")
    try:
        seen["value"] = catalogue.normalised({asked.kind: asked.value})[asked.kind]
    except Invalid as error:
        seen["problem"] = error.problems[0].detail
    return json_answer(seen)
