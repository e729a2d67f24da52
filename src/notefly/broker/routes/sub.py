"""The subscriber's own page, and the stream of messages behind the same address."""

from collections.abc import Mapping
from urllib.parse import quote

from quart import Response, render_template, request

from notefly.application.catalogue import Catalogue
from notefly.application.subscribers import ProfileChange, Subscribers
from notefly.broker import choosing, people, views
from notefly.broker.answers import PAGE_POLICY, Answer, json_answer
from notefly.broker.body import FORM, read_body, read_json, require_media
from notefly.broker.choosing import Choices
from notefly.broker.following import FollowMessages
from notefly.broker.injection import Injected
from notefly.broker.queries import SubPageQuery, read_query
from notefly.broker.reading import Reader
from notefly.broker.requests import AddressIn
from notefly.broker.routing import Body, Gives, Operation, Routes
from notefly.broker.sse import MEDIA, stream
from notefly.domain.errors import Invalid, NotFound
from notefly.domain.ids import SubscriberId
from notefly.ports.clock import Clock, Ids
from notefly.ports.subscriber_store import SubscriberStore

ROUTES = Routes("sub", "The subscriber's own page, and a live stream of messages.")
HTML = "text/html"
PICKED_FROM = 200
ADDRESS = Reader(AddressIn)
UNSUBSCRIBE = b"action=unsubscribe"


@ROUTES.add(
    "GET",
    "/sub",
    Operation(
        "The page for browsers; for `Accept: text/event-stream` messages as they are accepted",
        {
            200: Gives(views.StreamedView, (HTML, MEDIA)),
            404: Gives(str, (HTML,), text="The page, saying that nobody has this id."),
        },
        description="With `subscriber` the stream holds what this person follows, and says on "
        "which channels. `Last-Event-ID` (a message's id) resumes it; `event: reset` says that it "
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
) -> Response:
    asked = read_query(SubPageQuery)
    if request.accept_mimetypes.best_match((HTML, MEDIA), HTML) == MEDIA:
        after = request.headers.get("Last-Event-ID", asked.after)
        whose = None if asked.subscriber is None else SubscriberId(asked.subscriber)
        return stream(follow(after, frozenset(asked.category), whose))
    page = SubPage(catalogue, store)
    if not asked.subscriber:
        return await page.show(Choices())
    try:
        found = await subscribers.get(SubscriberId(asked.subscriber))
    except NotFound as error:
        return await page.show(Choices(), {"/id": [str(error)]}, status=404)
    return await page.show(Choices.stored(found.profile), said=asked.saved)


@ROUTES.add(
    "POST",
    "/sub",
    Operation(
        "Save the page's form",
        {
            303: Gives(headers=("Location",), text="Saved; back to the page."),
            422: Gives(str, (HTML,), text="The page again, saying what is wrong."),
        },
        description="Fields: `id` (empty registers somebody new), `name`, `address:<kind>`, "
        "`categories`, `channels`, `own` (categories with their own channels), "
        "`override:<category>`. With `action=unsubscribe` nothing else is looked at but `id`.",
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
    if UNSUBSCRIBE in body.split(b"&"):
        return await _leave(subscribers, sent)
    try:
        if sent.id:
            await subscribers.revise(SubscriberId(sent.id), sent.change())
            return _back_to(sent.id, "saved")
        [stored] = await subscribers.add([sent.profile(ids.message(clock.now()))])
    except Invalid as error:
        wrong = people.where_written(error, frozenset(), "" if sent.id else "/0")
        return await SubPage(catalogue, store).show(sent, choosing.told(wrong), status=422)
    return _back_to(stored.profile.id, "saved")


async def _leave(subscribers: Subscribers, sent: Choices) -> Answer:
    """Every category is left, with what was chosen for it; addresses and message types stay."""
    nothing = ProfileChange(categories=frozenset(), overrides={})
    await subscribers.revise(SubscriberId(sent.id), nothing)
    return _back_to(sent.id, "left")


def _back_to(subscriber: str, said: str) -> Answer:
    address = f"/sub?subscriber={quote(subscriber, safe='')}&saved={said}"
    return Answer(303, b"", "text/plain", (("Location", address),))


@ROUTES.add(
    "POST",
    "/sub/check",
    Operation(
        "Look at an address while it is typed",
        {200: Gives(people.AddressView)},
        description="`value` in its one spelling, or null and the `problem`.",
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


class SubPage:
    """Renders it."""

    def __init__(self, catalogue: Catalogue, store: SubscriberStore) -> None:
        self._catalogue = catalogue
        self._store = store

    async def show(
        self,
        choices: Choices,
        problems: Mapping[str, list[str]] | None = None,
        *,
        said: str | None = None,
        status: int = 200,
    ) -> Response:
        known = await self._store.list(PICKED_FROM, None)
        profiles = [one.profile for one in known.items]
        page = await render_template(
            "sub.html",
            choices=choices,
            problems=problems or {},
            said=said,
            known=profiles,
            unlisted=choices.id and choices.id not in {profile.id for profile in profiles},
            more=known.next is not None,
            kinds=choosing.kinds_of(self._catalogue),
            categories=self._catalogue.categories,
            channels=tuple(self._catalogue.channels),
            channel_label=choosing.channel_label,
            spoken=choosing.spoken,
        )
        return Response(
            page,
            status,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": PAGE_POLICY, "Vary": "Accept"},
        )
