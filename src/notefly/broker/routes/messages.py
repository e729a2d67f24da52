"""Publish, and look at what was published."""

from notefly.application.messages import Messages
from notefly.application.preview import PreviewMessage
from notefly.application.publish import PublishMessage
from notefly.broker import views
from notefly.broker.answers import JSON, Answer, json_answer
from notefly.broker.body import NDJSON, idempotency_key, read_body, read_lines, require_media
from notefly.broker.door import caller, key_id
from notefly.broker.injection import Injected
from notefly.broker.paging import page
from notefly.broker.publishing import MESSAGE, PATH, publish_many, publish_one
from notefly.broker.queries import DryRun, MessagesQuery, read_query
from notefly.broker.requests import MessageIn
from notefly.broker.routing import LIST_TYPES, PUBLISH, READ, Body, Gives, Operation, Routes
from notefly.domain.errors import Invalid
from notefly.ports.message_store import MessageStore

ROUTES = Routes("messages", "Publish, and look at what was published.")


@ROUTES.add(
    "POST",
    PATH,
    PUBLISH,
    Operation(
        "Publish a message, or up to 10,000 as NDJSON",
        {
            200: Gives(views.PreviewView, text="With dry_run: who would get it, and how it looks."),
            202: Gives(
                views.AcceptedView | views.AcceptedManyView,
                headers=("Location", "Idempotency-Replayed"),
                text="On stable storage, the audience fixed. Nobody need have been notified yet.",
            ),
        },
        description="As `application/x-ndjson`, one message a line: all are accepted in one "
        "commit, or none. Blank lines are skipped. Errors point to `/<line>/<field>`, lines "
        "counted from 0 as they stand in the body. `dry_run` needs the scope `read` as well.",
        query=DryRun,
        body=Body(MessageIn, (JSON, NDJSON)),
        headers=("Idempotency-Key",),
    ),
)
async def publish_message(
    publish: Injected[PublishMessage], preview: Injected[PreviewMessage]
) -> Answer:
    dry_run = read_query(DryRun).dry_run
    many = require_media(JSON, NDJSON) == NDJSON
    if many and dry_run:
        raise Invalid.at("/dry_run", "looks at one message, sent as application/json")
    if many:
        return await publish_many(publish, await read_lines(), idempotency_key(), key_id())
    body = await read_body()
    if dry_run:
        # It shows people as they are stored, which who may only publish has no business with.
        caller().needs(READ.scopes)
        return await _previewed(preview, body)
    return await publish_one(publish, body, idempotency_key(), key_id())


async def _previewed(preview: PreviewMessage, body: bytes) -> Answer:
    seen = await preview(MESSAGE.read(body).content())
    told: views.PreviewView = {
        "subscribers": seen.audience.subscribers,
        "by_channel": dict(seen.audience.by_channel),
        "sample": list(seen.audience.sample),
        "rendered": {name: views.rendering(how) for name, how in seen.rendered.items()},
    }
    return json_answer(told)


@ROUTES.add(
    "GET",
    PATH,
    READ,
    Operation(
        "Messages, newest first",
        {200: Gives(views.MessageView, LIST_TYPES, paged=True)},
        query=MessagesQuery,
    ),
)
async def list_messages(messages: Injected[MessageStore]) -> Answer:
    asked = read_query(MessagesQuery)
    found = await messages.list(asked.limit, asked.cursor, asked.category)
    return page(views.MessageView, [views.message(status) for status in found.items], found.next)


@ROUTES.add(
    "GET",
    "/v1/messages/<message_id>",
    READ,
    Operation("A message, and what became of it", {200: Gives(views.MessageView)}),
)
async def show_message(message_id: str, messages: Injected[Messages]) -> Answer:
    return json_answer(views.message(await messages.get(message_id)))


@ROUTES.add(
    "POST",
    "/v1/messages/<message_id>/cancel",
    PUBLISH,
    Operation(
        "Stop what has not started",
        {200: Gives(views.MessageView)},
        description="Deliveries that have not started become `cancelled`. Twice is as once.",
    ),
)
async def cancel_message(message_id: str, messages: Injected[Messages]) -> Answer:
    return json_answer(views.message(await messages.cancel(message_id)))
