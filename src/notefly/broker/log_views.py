"""The log as callers get it; `views` has the rest."""

from datetime import datetime

from typing_extensions import TypedDict

from notefly.broker.views import RenderingView, rendering
from notefly.domain.delivery import Reason, State
from notefly.domain.log import (
    DeadGroup,
    DeliveryStory,
    EarlierRound,
    LoggedAttempt,
    LoggedDelivery,
)
from notefly.ports.channel import Rendering


class DeliveryView(TypedDict):
    id: str
    message_id: str
    category: str
    channel: str
    subscriber_id: str | None
    subscriber_name: str | None
    address: str | None
    state: State
    attempts: int
    updated_at: datetime
    detail: str | None
    reason: Reason | None
    round: int
    next_try_at: datetime | None


class AttemptView(TypedDict):
    number: int
    worker: str
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    ending: str
    detail: str | None


class RoundView(TypedDict):
    round: int
    state: State
    reason: Reason | None
    detail: str | None
    ended_at: datetime


class StoryView(DeliveryView):
    title: str | None
    body: str
    accepted_at: datetime
    rendered: RenderingView | None
    history: list[AttemptView]
    rounds: list[RoundView]


class DeadGroupView(TypedDict):
    channel: str
    reason: Reason
    count: int
    sample: str
    detail: str | None


class ReplayedView(TypedDict):
    replayed: int


class MatchingView(TypedDict):
    matching: int


def delivery(logged: LoggedDelivery) -> DeliveryView:
    return {
        "id": logged.id,
        "message_id": logged.message_id,
        "category": logged.category,
        "channel": logged.channel,
        "subscriber_id": logged.subscriber_id,
        "subscriber_name": logged.subscriber_name,
        "address": logged.address,
        "state": logged.state,
        "attempts": logged.attempts,
        "updated_at": logged.updated_at,
        "detail": logged.detail,
        "reason": logged.reason,
        "round": logged.round,
        "next_try_at": logged.next_try_at,
    }


def story(told: DeliveryStory, rendered: Rendering | None) -> StoryView:
    content = told.message.content
    return {
        **delivery(told.delivery),
        "title": content.title,
        "body": content.body,
        "accepted_at": told.message.accepted_at,
        "rendered": None if rendered is None else rendering(rendered),
        "history": [_attempt(attempt) for attempt in told.attempts],
        "rounds": [_round(ended) for ended in told.rounds],
    }


def _attempt(tried: LoggedAttempt) -> AttemptView:
    return {
        "number": tried.number,
        "worker": tried.worker,
        "claimed_at": tried.claimed_at,
        "started_at": tried.started_at,
        "ended_at": tried.ended_at,
        "ending": tried.ending,
        "detail": tried.detail,
    }


def _round(ended: EarlierRound) -> RoundView:
    return {
        "round": ended.round,
        "state": ended.state,
        "reason": ended.reason,
        "detail": ended.detail,
        "ended_at": ended.ended_at,
    }


def dead_group(group: DeadGroup) -> DeadGroupView:
    return {
        "channel": group.channel,
        "reason": group.reason,
        "count": group.count,
        "sample": group.sample,
        "detail": group.detail,
    }
