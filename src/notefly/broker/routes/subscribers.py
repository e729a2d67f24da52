"""Register, change, erase: the people and their choices."""

from datetime import timedelta

from quart import request

from notefly.application.links import Links
from notefly.application.messages import Messages
from notefly.application.subscribers import SendTest, Subscribers
from notefly.broker import people, sub_page, views
from notefly.broker.answers import JSON, Answer, json_answer
from notefly.broker.body import (
    NDJSON,
    read_body,
    read_json,
    read_lines,
    read_optional_json,
    require_media,
)
from notefly.broker.injection import Injected
from notefly.broker.paging import page
from notefly.broker.publishing import accepted
from notefly.broker.queries import SubscribersQuery, read_query
from notefly.broker.reading import Reader
from notefly.broker.registering import SUBSCRIBER, register_many, register_one
from notefly.broker.requests import LinkIn, SendTestIn, SubscriberIn, SubscriberPatch
from notefly.broker.routing import (
    LIST_TYPES,
    PUBLISH,
    READ_PEOPLE,
    SUBSCRIBERS,
    Body,
    Gives,
    Operation,
    Routes,
)
from notefly.config import Settings
from notefly.domain.errors import Invalid
from notefly.domain.ids import SubscriberId
from notefly.ports.clock import Clock, Ids
from notefly.ports.subscriber_store import SubscriberStore

ROUTES = Routes("subscribers", "The people, their addresses and their choices.")
PATH = "/v1/subscribers"
ONE = "/v1/subscribers/<subscriber_id>"
PATCH = Reader(SubscriberPatch)
TEST = Reader(SendTestIn)
LINK = Reader(LinkIn)


@ROUTES.add(
    "POST",
    PATH,
    SUBSCRIBERS,
    Operation(
        "Register a subscriber, or up to 10,000 as NDJSON",
        {
            201: Gives(
                people.SubscriberView | people.CreatedManyView,
                headers=("Location",),
            )
        },
        description="Without `id` one is made. As `application/x-ndjson`, one subscriber a line: "
        "all are registered in one commit, or none; errors point to `/<line>/<field>`. "
        "409: an id is taken.",
        body=Body(SubscriberIn, (JSON, NDJSON)),
        errors=(409,),
    ),
)
async def add_subscribers(
    subscribers: Injected[Subscribers], ids: Injected[Ids], clock: Injected[Clock]
) -> Answer:
    many = require_media(JSON, NDJSON) == NDJSON

    def new_id() -> str:
        return ids.message(clock.now())

    if many:
        return await register_many(subscribers, new_id, await read_lines())
    return await register_one(subscribers, new_id, await read_body())


@ROUTES.add(
    "GET",
    PATH,
    READ_PEOPLE,
    Operation(
        "Subscribers, in the order they were registered",
        {200: Gives(people.SubscriberView, LIST_TYPES, paged=True)},
        query=SubscribersQuery,
    ),
)
async def list_subscribers(subscribers: Injected[SubscriberStore]) -> Answer:
    asked = read_query(SubscribersQuery)
    found = await subscribers.list(asked.limit, asked.cursor, asked.q)
    return page(people.SubscriberView, [people.subscriber(one) for one in found.items], found.next)


@ROUTES.add("GET", ONE, READ_PEOPLE, Operation("A subscriber", {200: Gives(people.SubscriberView)}))
async def show_subscriber(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    return json_answer(people.subscriber(await subscribers.get(SubscriberId(subscriber_id))))


@ROUTES.add(
    "PUT",
    ONE,
    SUBSCRIBERS,
    Operation(
        "Register under this id, or replace",
        {
            200: Gives(people.SubscriberView, text="Replaced."),
            201: Gives(people.SubscriberView, headers=("Location",), text="Registered."),
        },
        description="What is left out is reset. It accepts what GET shows: `created_at` and "
        "`updated_at` are ignored.",
        body=Body(SubscriberIn),
    ),
)
async def put_subscriber(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    written = await read_json(SUBSCRIBER)
    if written.id not in (None, subscriber_id):
        raise Invalid.at("/id", "is not the id in the address")
    try:
        stored, created = await subscribers.put(written.profile(subscriber_id))
    except Invalid as error:
        raise people.where_written(error, written.shorthands) from None
    headers = [("Location", f"{PATH}/{stored.profile.id}")] if created else []
    return json_answer(people.subscriber(stored), 201 if created else 200, headers)


@ROUTES.add(
    "PATCH",
    ONE,
    SUBSCRIBERS,
    Operation(
        "Change some fields",
        {200: Gives(people.SubscriberView)},
        description="Fields that are given are replaced. Addresses are changed one by one, and "
        "null removes one.",
        body=Body(SubscriberPatch),
    ),
)
async def patch_subscriber(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    written = await read_json(PATCH)
    try:
        stored = await subscribers.revise(SubscriberId(subscriber_id), written.change())
    except Invalid as error:
        raise people.where_written(error, written.shorthands) from None
    return json_answer(people.subscriber(stored))


@ROUTES.add(
    "DELETE",
    ONE,
    SUBSCRIBERS,
    Operation(
        "Erase a person",
        {204: Gives(None, ())},
        description="Name, id and addresses are removed; counts still add up.",
    ),
)
async def erase_subscriber(subscriber_id: str, subscribers: Injected[Subscribers]) -> Answer:
    await subscribers.erase(SubscriberId(subscriber_id))
    return Answer(204)


@ROUTES.add(
    "POST",
    f"{ONE}/test",
    PUBLISH,
    Operation(
        "Send them a test message",
        {202: Gives(views.AcceptedView, headers=("Location",))},
        description="A message whose audience is this subscriber alone; in the category given, "
        "else in the first they follow.",
        body=Body(SendTestIn, required=False),
    ),
)
async def send_test(
    subscriber_id: str, send: Injected[SendTest], messages: Injected[Messages]
) -> Answer:
    asked = await read_optional_json(TEST)
    receipt = await send(SubscriberId(subscriber_id), asked.category, asked.title, asked.body)
    status = await messages.get(receipt.ids[0])
    return accepted(receipt, status.message.content.category)


@ROUTES.add(
    "POST",
    f"{ONE}/link",
    SUBSCRIBERS,
    Operation(
        "Make a personal link to their page",
        {200: Gives(people.LinkView)},
        description="Whoever has it sees and changes what this person gets, without an API key, "
        "until it expires or the person is erased. It begins with `NOTEFLY_PUBLIC_URL`, else with "
        "the address that this request called.",
        body=Body(LinkIn, required=False),
    ),
)
async def make_link(
    subscriber_id: str, links: Injected[Links], settings: Injected[Settings]
) -> Answer:
    asked = await read_optional_json(LINK)
    lasts = timedelta(seconds=asked.valid_seconds)
    token, expires_at = await links.make(SubscriberId(subscriber_id), lasts)
    begin = settings.public_url or f"{request.scheme}://{request.host}"
    told: people.LinkView = {"url": f"{begin}{sub_page.address(token)}", "expires_at": expires_at}
    return json_answer(told)
