"""What is configured: categories and channels."""

from typing_extensions import TypedDict

from notefly.application.catalogue import Catalogue
from notefly.application.channels import SwitchChannel
from notefly.broker.answers import Answer, json_answer
from notefly.broker.injection import Injected
from notefly.broker.paging import page
from notefly.broker.routing import ADMIN, LIST_TYPES, READ, Gives, Operation, Routes

ROUTES = Routes("channels", "What is configured: categories and channels.")


class CategoryView(TypedDict):
    name: str


class ChannelView(TypedDict):
    name: str
    address_kind: str
    paused: bool
    batch_size: int


@ROUTES.add(
    "GET",
    "/v1/categories",
    READ,
    Operation("The categories, as configured", {200: Gives(CategoryView, LIST_TYPES, paged=True)}),
)
async def list_categories(catalogue: Injected[Catalogue]) -> Answer:
    entries: list[CategoryView] = [{"name": name} for name in catalogue.categories]
    return page(CategoryView, entries)


@ROUTES.add(
    "GET",
    "/v1/channels",
    READ,
    Operation("The channels, as configured", {200: Gives(ChannelView, LIST_TYPES, paged=True)}),
)
async def list_channels(catalogue: Injected[Catalogue], switch: Injected[SwitchChannel]) -> Answer:
    paused = await switch.paused()
    return page(ChannelView, [_channel(catalogue, name, paused) for name in catalogue.channels])


@ROUTES.add(
    "POST",
    "/v1/channels/<name>/pause",
    ADMIN,
    Operation(
        "Hold a channel back",
        {200: Gives(ChannelView)},
        description="It keeps its batches: nothing is lost, nothing is tried, restarts or not.",
    ),
)
async def pause_channel(
    name: str, catalogue: Injected[Catalogue], switch: Injected[SwitchChannel]
) -> Answer:
    await switch.pause(name)
    return json_answer(_channel(catalogue, name, await switch.paused()))


@ROUTES.add(
    "POST",
    "/v1/channels/<name>/resume",
    ADMIN,
    Operation("Let a channel go on", {200: Gives(ChannelView)}),
)
async def resume_channel(
    name: str, catalogue: Injected[Catalogue], switch: Injected[SwitchChannel]
) -> Answer:
    await switch.resume(name)
    return json_answer(_channel(catalogue, name, await switch.paused()))


def _channel(catalogue: Catalogue, name: str, paused: frozenset[str]) -> ChannelView:
    channel = catalogue.channel(name)
    return {
        "name": name,
        "address_kind": channel.address_kind,
        "paused": name in paused,
        "batch_size": channel.batch_size,
    }
