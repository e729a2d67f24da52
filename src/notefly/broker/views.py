"""What callers get: the shapes of answers, each with the function that makes it."""

from collections.abc import Sequence
from datetime import datetime

from typing_extensions import TypedDict

from notefly.domain.delivery import MessageState, State
from notefly.domain.log import Event, MessageStatus
from notefly.domain.message import Message
from notefly.ports.channel import Rendering
from notefly.ports.message_store import Receipt


class ErrorView(TypedDict):
    pointer: str
    detail: str


class ProblemView(TypedDict):
    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[ErrorView]


class AcceptedView(TypedDict):
    id: str
    category: str
    accepted_at: datetime
    state: str


class AcceptedManyView(TypedDict):
    accepted: int
    ids: Sequence[str]


class RenderingView(TypedDict):
    content_type: str
    text: str
    facts: dict[str, str | int]


class PreviewView(TypedDict):
    subscribers: int
    by_channel: dict[str, int]
    sample: list[str]
    rendered: dict[str, RenderingView]


class CountsView(TypedDict):
    total: int | None
    by_state: dict[State, int]
    by_channel: dict[str, dict[State, int]]


class MessageView(TypedDict):
    id: str
    category: str
    title: str | None
    body: str
    accepted_at: datetime
    expires_at: datetime | None
    cancelled_at: datetime | None
    only: str | None
    state: MessageState
    batches: int | None
    deliveries: CountsView


class EventView(TypedDict):
    id: int
    at: datetime
    message_id: str
    category: str
    channel: str
    state: State
    count: int
    delivery_id: str | None
    subscriber_id: str | None


class StreamedView(TypedDict):
    id: str
    category: str
    title: str | None
    body: str
    accepted_at: datetime
    channels: list[str] | None


def accepted(receipt: Receipt, category: str) -> AcceptedView:
    """`state` is what was promised; GET says what became of it."""
    return {
        "id": receipt.ids[0],
        "category": category,
        "accepted_at": receipt.accepted_at,
        "state": MessageState.ACCEPTED.value,
    }


def streamed(sent: Message, channels: list[str] | None) -> StreamedView:
    """`channels` says how it reaches the one who watches, where that is known."""
    return {
        "id": sent.id,
        "category": sent.content.category,
        "title": sent.content.title,
        "body": sent.content.body,
        "accepted_at": sent.accepted_at,
        "channels": channels,
    }


def rendering(rendered: Rendering) -> RenderingView:
    return {
        "content_type": rendered.content_type,
        "text": rendered.text,
        "facts": dict(rendered.facts),
    }


def message(status: MessageStatus) -> MessageView:
    content = status.message.content
    return {
        "id": status.message.id,
        "category": content.category,
        "title": content.title,
        "body": content.body,
        "accepted_at": status.message.accepted_at,
        "expires_at": content.expires_at,
        "cancelled_at": status.cancelled_at,
        "only": content.only,
        "state": status.state,
        "batches": status.batches,
        "deliveries": {
            "total": status.total,
            "by_state": status.by_state,
            "by_channel": {name: dict(states) for name, states in status.by_channel.items()},
        },
    }


def event(happened: Event) -> EventView:
    return {
        "id": happened.id,
        "at": happened.at,
        "message_id": happened.message,
        "category": happened.category,
        "channel": happened.channel,
        "state": happened.state,
        "count": happened.count,
        "delivery_id": happened.delivery,
        "subscriber_id": happened.subscriber,
    }
