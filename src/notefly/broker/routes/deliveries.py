"""The log of deliveries, and the dead letters in it."""

from notefly.application.log import QueryLog, Replay
from notefly.broker import log_views
from notefly.broker.answers import Answer, json_answer
from notefly.broker.body import read_json, read_optional_json
from notefly.broker.injection import Injected
from notefly.broker.paging import page
from notefly.broker.queries import (
    DeadLettersQuery,
    DeliveriesQuery,
    DryRun,
    filter_of,
    read_query,
)
from notefly.broker.reading import Reader
from notefly.broker.requests import ReplayIn, ReplayManyIn
from notefly.broker.routing import ADMIN, LIST_TYPES, READ, Body, Gives, Operation, Routes
from notefly.domain.log import LoggedDelivery, Page
from notefly.ports.delivery_log import DeliveryLog

ROUTES = Routes("deliveries", "The log: every delivery, explained, and replayed where it is dead.")
REPLAY = Reader(ReplayIn)
REPLAY_MANY = Reader(ReplayManyIn)


@ROUTES.add(
    "GET",
    "/v1/deliveries",
    READ,
    Operation(
        "The log, newest message first",
        {200: Gives(log_views.DeliveryView, LIST_TYPES, paged=True)},
        description="All filters that are given must hold; `since` and `until` are about when the "
        "message was accepted. A page may hold fewer than `limit` and still have a next one.",
        query=DeliveriesQuery,
    ),
)
async def list_deliveries(log: Injected[QueryLog]) -> Answer:
    return await _listed(log, read_query(DeliveriesQuery))


async def _listed(log: QueryLog, asked: DeliveriesQuery) -> Answer:
    wanted = asked.wanted()
    found: Page[LoggedDelivery] = Page([], None)
    if wanted is not None:
        found = await log.page(wanted, asked.limit, asked.cursor)
    return page(
        log_views.DeliveryView, [log_views.delivery(one) for one in found.items], found.next
    )


@ROUTES.add(
    "GET",
    "/v1/deliveries/<delivery_id>",
    READ,
    Operation(
        "One delivery: what went out, and every attempt",
        {200: Gives(log_views.StoryView)},
    ),
)
async def show_delivery(delivery_id: str, log: Injected[QueryLog]) -> Answer:
    return json_answer(log_views.story(*await log.story(delivery_id)))


@ROUTES.add(
    "POST",
    "/v1/deliveries/<delivery_id>/replay",
    ADMIN,
    Operation(
        "Give a dead letter another round",
        {202: Gives(log_views.DeliveryView, headers=("Location",))},
        description="Under the same id; attempts are counted on. 409 when it is not dead, or when "
        "its message has expired and no new `expires_at` is given.",
        body=Body(ReplayIn, required=False),
        errors=(409,),
    ),
)
async def replay_delivery(
    delivery_id: str, replay: Injected[Replay], log: Injected[QueryLog]
) -> Answer:
    asked = await read_optional_json(REPLAY)
    await replay.one(delivery_id, asked.expires_at)
    story, _ = await log.story(delivery_id)
    address = ("Location", f"/v1/deliveries/{story.delivery.id}")
    return json_answer(log_views.delivery(story.delivery), 202, [address])


@ROUTES.add(
    "GET",
    "/v1/dead-letters",
    READ,
    Operation(
        "Dead letters, or how many died of what",
        {200: Gives(log_views.DeliveryView | log_views.DeadGroupView, LIST_TYPES, paged=True)},
        description="With `group_by=reason` they are counted by channel and reason, all of them; "
        "without it, it is the log with `state=dead`.",
        query=DeadLettersQuery,
    ),
)
async def list_dead_letters(query: Injected[QueryLog], log: Injected[DeliveryLog]) -> Answer:
    asked = read_query(DeadLettersQuery)
    if asked.group_by is None:
        return await _listed(query, asked)
    groups = await log.dead_groups()
    return page(log_views.DeadGroupView, [log_views.dead_group(group) for group in groups])


@ROUTES.add(
    "POST",
    "/v1/dead-letters/replay",
    ADMIN,
    Operation(
        "Replay all dead letters that match",
        {
            200: Gives(log_views.MatchingView, text="With dry_run: how many match."),
            202: Gives(log_views.ReplayedView),
        },
        description="All that are given must hold; `{}` is every dead letter. Those of expired "
        "messages are left out unless `expires_at` is given.",
        query=DryRun,
        body=Body(ReplayManyIn),
    ),
)
async def replay_dead_letters(replay: Injected[Replay]) -> Answer:
    dry_run = read_query(DryRun).dry_run
    asked = await read_json(REPLAY_MANY)
    wanted = filter_of(asked, None)
    if dry_run:
        matching: log_views.MatchingView = {"matching": await replay.count(wanted) if wanted else 0}
        return json_answer(matching)
    replayed: log_views.ReplayedView = {
        "replayed": await replay.all(wanted, asked.expires_at) if wanted else 0
    }
    return json_answer(replayed, 202)
