"""What just happened, live."""

import re

from quart import Response, request

from notefly.broker import views
from notefly.broker.door import stay
from notefly.broker.following import EventsWanted, FollowEvents
from notefly.broker.injection import Injected
from notefly.broker.queries import EventsQuery, read_query
from notefly.broker.routing import READ, Gives, Operation, Routes
from notefly.broker.sse import MEDIA
from notefly.broker.streaming import Streams

ROUTES = Routes("events", "What just happened, live.")
FOREIGN = -1
"""Stands for a Last-Event-ID that this broker cannot have given: the stream begins with `reset`."""


@ROUTES.add(
    "GET",
    "/v1/events",
    READ,
    Operation(
        "Facts as they become durable",
        {200: Gives(views.EventView, (MEDIA,))},
        description="Server-sent events: each is a fact about a batch, or about one delivery where "
        "`delivery_id` is given. Ids follow the commits; `Last-Event-ID` resumes. Events are kept "
        "for an hour or 100,000; `event: reset` says that some were missed, and "
        "`event: chaos` which channels misbehave on purpose from now on. Who reads too slowly is "
        "cut off and may resume.",
        query=EventsQuery,
        headers=("Last-Event-ID",),
    ),
)
async def follow_events(follow: Injected[FollowEvents], streams: Injected[Streams]) -> Response:
    asked = read_query(EventsQuery)
    written = request.headers.get("Last-Event-ID")
    after = asked.after if written is None else _place(written)
    wanted = EventsWanted(asked.message, asked.channel, asked.category)
    return streams.answer(await follow(after, wanted, stay()))


def _place(written: str) -> int:
    return int(written) if re.fullmatch("[0-9]{1,18}", written) else FOREIGN
