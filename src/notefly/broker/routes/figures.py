"""Counts, rates and the queue."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from typing_extensions import TypedDict

from notefly.adapters.metrics import CONTENT_TYPE, PrometheusMeter, counts
from notefly.application.chaos import Chaos
from notefly.application.room import Room
from notefly.broker.answers import Answer, json_answer
from notefly.broker.injection import Injected
from notefly.broker.routing import READ, Gives, Operation, Routes
from notefly.broker.throughput import Ended, Rate, Throughput
from notefly.domain.delivery import State
from notefly.domain.log import ChannelFigures
from notefly.ports.clock import Clock
from notefly.ports.figures import Figures

Number = TypeVar("Number", int, float)
ROUTES = Routes("figures", "Counts, rates and the queue.")


class EndedView(TypedDict):
    by_state: dict[State, int]
    by_channel: dict[str, dict[State, int]]


class RatesView(TypedDict):
    accepted_per_second: float | None
    ended_per_second: float | None
    by_channel: dict[str, dict[State, float]]
    over_seconds: float | None


class CountedView(TypedDict):
    at: datetime
    accepted: int
    came: int
    ended: int
    waiting: int


class HistoryView(TypedDict):
    items: list[CountedView]
    next: None


class StatsView(TypedDict):
    messages: int
    subscribers: int
    deliveries: EndedView
    rates: RatesView
    chaos: list[str]


class QueueChannelView(TypedDict):
    channel: str
    paused: bool
    ready: int
    in_flight: int
    retrying: int
    deliveries_open: int
    oldest_at: datetime | None
    oldest_age_seconds: float | None


class BacklogView(TypedDict):
    waiting: int
    limit: int


class QueueView(TypedDict):
    depth: int
    backlog: BacklogView
    items: list[QueueChannelView]
    next: None


@ROUTES.add(
    "GET",
    "/v1/stats",
    READ,
    Operation(
        "Counts and rates",
        {200: Gives(StatsView)},
        description="`deliveries` are those that ended, every round counted. Rates are per second, "
        "since the oldest count of the last minute, `by_channel` those that ended; for half a "
        "second after the start they are null, and `by_channel` is empty. `chaos` names channels "
        "that misbehave on purpose.",
    ),
)
async def show_stats(
    figures: Injected[Figures], rates: Injected[Throughput], chaos: Injected[Chaos]
) -> Answer:
    messages, ended = await figures.messages(), await figures.deliveries()
    told: StatsView = {
        "messages": messages,
        "subscribers": await figures.subscribers(),
        "deliveries": _ended(ended),
        "rates": _rates(rates.rate(messages, ended)),
        "chaos": sorted(chaos.misbehaving),
    }
    return json_answer(told)


def _ended(ended: Ended) -> EndedView:
    by_state = {state: 0 for state in State if state.terminal}
    for (_, state), number in ended.items():
        by_state[state] += number
    return {"by_state": by_state, "by_channel": _by_channel(ended)}


def _rates(rate: Rate | None) -> RatesView:
    return {
        "accepted_per_second": None if rate is None else rate.accepted,
        "ended_per_second": None if rate is None else rate.ended,
        "by_channel": {} if rate is None else _by_channel(rate.by),
        "over_seconds": None if rate is None else rate.over_seconds,
    }


def _by_channel(by: Mapping[tuple[str, State], Number]) -> dict[str, dict[State, Number]]:
    told: dict[str, dict[State, Number]] = {}
    for (channel, state), number in sorted(by.items()):
        told.setdefault(channel, {})[state] = number
    return told


@ROUTES.add(
    "GET",
    "/v1/queue",
    READ,
    Operation(
        "What waits, by channel; `depth` is in batches",
        {200: Gives(QueueView)},
        description="`backlog` is in deliveries, a message that is not planned yet counts as one; "
        "at the limit publishing answers 503.",
    ),
)
async def show_queue(
    figures: Injected[Figures], room: Injected[Room], clock: Injected[Clock]
) -> Answer:
    now = clock.now()
    entries = [_queued(one, now) for one in await figures.channels()]
    depth = sum(e["ready"] + e["in_flight"] + e["retrying"] for e in entries)
    told: QueueView = {
        "depth": depth,
        "backlog": {"waiting": room.backlog.waiting(), "limit": room.most},
        "items": entries,
        "next": None,
    }
    return json_answer(told)


def _queued(one: ChannelFigures, now: datetime) -> QueueChannelView:
    age = None if one.oldest_at is None else max(0.0, (now - one.oldest_at).total_seconds())
    return {
        "channel": one.channel,
        "paused": one.paused,
        "ready": one.ready,
        "in_flight": one.in_flight,
        "retrying": one.retrying,
        "deliveries_open": one.deliveries_open,
        "oldest_at": one.oldest_at,
        "oldest_age_seconds": age,
    }


@ROUTES.add(
    "GET",
    "/v1/queue/history",
    READ,
    Operation(
        "What came in and went out in the last 15 minutes",
        {200: Gives(HistoryView)},
        description="Counts of every five seconds since this broker started, and of now; oldest "
        "first. `accepted` messages; deliveries that `came` (planned, or replayed), that `ended`, "
        "and that were `waiting`. Only the differences between two of them mean anything.",
    ),
)
async def show_history(throughput: Injected[Throughput], clock: Injected[Clock]) -> Answer:
    counted, now = await throughput.history(), clock.now()
    items: list[CountedView] = [
        {
            "at": now - timedelta(seconds=age),
            "accepted": one.accepted,
            "came": one.came,
            "ended": one.ended,
            "waiting": one.waiting,
        }
        for age, one in counted
    ]
    told: HistoryView = {"items": items, "next": None}
    return json_answer(told)


@ROUTES.add(
    "GET",
    "/metrics",
    READ,
    Operation(
        "Metrics as OpenMetrics text",
        {200: Gives(str, ("application/openmetrics-text",))},
        description="No id is a label.",
    ),
)
async def show_metrics(
    figures: Injected[Figures], meter: Injected[PrometheusMeter], clock: Injected[Clock]
) -> Answer:
    counted = counts(
        await figures.messages(),
        await figures.subscribers(),
        await figures.deliveries(),
        await figures.channels(),
        clock.now(),
    )
    return Answer(200, meter.exposition(counted), CONTENT_TYPE)
