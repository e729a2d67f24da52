"""What travels between the broker and a channel's process: frames of JSON.

A frame is four bytes of length, big-endian, and as many of JSON. JSON and not pickle: what comes
from a team's process is read by the broker, and must not be able to run anything there.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from notefly.domain.batch import Recipient
from notefly.domain.ids import Epoch, MessageId, MessageKey, SubscriberId, SubscriberKey
from notefly.domain.message import Content, Message
from notefly.domain.outcome import DETAIL_LIMIT, Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import HandOver

HEADER = 4
TEXT = {str, type(None)}
"""The types of a detail."""
READY = b'{"ready":true}'


class Garbage(Exception):  # noqa: N818 - reads as what was found
    """Bytes that no working channel process writes."""


def frame(body: bytes) -> bytes:
    """The body with its length before it."""
    return len(body).to_bytes(HEADER) + body


def dump(value: object) -> bytes:
    """Raises ValueError for NaN and infinity, which are not JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def load(body: bytes) -> Any:
    """Raises Garbage."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Garbage(f"not JSON ({type(error).__name__})") from error


def pack_hand_over(number: int, hand_over: HandOver) -> bytes:
    """`number` ties the answer to the question."""
    message, content = hand_over.message, hand_over.message.content
    return dump(
        {
            "number": number,
            "message": [message.id, message.key, message.epoch, message.accepted_at.isoformat()],
            "content": [
                content.category,
                content.body,
                content.title,
                content.expires_at and content.expires_at.isoformat(),
                content.only,
            ],
            "channel": hand_over.channel,
            "attempt": hand_over.attempt,
            "size": hand_over.size,
            # Tuples are written as arrays, without a step in Python for each.
            "recipients": hand_over.recipients,
        }
    )


def unpack_hand_over(body: bytes) -> tuple[int, HandOver]:
    """Trusts the broker, which wrote it."""
    raw = json.loads(body)
    message_id, key, epoch, accepted_at = raw["message"]
    category, text, title, expires_at, only = raw["content"]
    content = Content(
        category,
        text,
        title,
        expires_at and datetime.fromisoformat(expires_at),
        only and SubscriberId(only),
    )
    at = datetime.fromisoformat(accepted_at)
    message = Message(MessageId(message_id), MessageKey(key), Epoch(epoch), at, content)
    recipients = list(map(Recipient._make, raw["recipients"]))
    return raw["number"], HandOver(message, raw["channel"], raw["attempt"], raw["size"], recipients)


def pack_outcomes(number: int, outcomes: Outcomes) -> bytes:
    """Raises TypeError or ValueError for what a channel must not answer.

    `delivered` is a column of subscribers and one of details: mostly it is everybody.
    """
    taken: dict[SubscriberKey, str | None] = {}
    others = []
    for key, outcome in outcomes.exceptions.items():
        if type(outcome) is Delivered and type(outcome.detail) in TEXT:
            taken[key] = outcome.detail
        else:
            others.append([key, _pack(outcome)])
    details = [detail and detail[:DETAIL_LIMIT] for detail in taken.values()]
    return dump(
        {
            "number": number,
            "default": _pack(outcomes.default),
            "exceptions": others,
            "delivered": [list(taken), details],
        }
    )


def unpack_outcomes(number: int, body: bytes, recipients: Iterable[Recipient]) -> Outcomes:
    """Believes nothing. Raises Garbage, also for an outcome of somebody who was not handed over."""
    raw = load(body)
    if not isinstance(raw, dict) or raw.get("number") != number:
        raise Garbage("not the answer to this hand-over")
    exceptions = raw.get("exceptions")
    if not isinstance(exceptions, list):
        raise Garbage("an answer without exceptions")
    found = _unpack_delivered(raw.get("delivered")) | dict(map(_unpack_pair, exceptions))
    if not found.keys() <= {r.subscriber for r in recipients}:
        raise Garbage("an outcome for somebody who is not in the hand-over")
    return Outcomes(_unpack(raw.get("default")), found)


def _unpack_delivered(raw: object) -> dict[SubscriberKey, Outcome]:
    match raw:
        case [list(keys), list(details)] if (
            len(keys) == len(details)
            and set(map(type, keys)) <= {int}
            and set(map(type, details)) <= TEXT
        ):
            return dict(zip(keys, map(Delivered, details), strict=True))
    raise Garbage("not two columns of who was delivered")


def strangers(outcomes: Outcomes, hand_over: HandOver) -> Mapping[SubscriberKey, Outcome]:
    """Outcomes for people that are not in the hand-over."""
    asked = {r.subscriber for r in hand_over.recipients}
    return {key: outcome for key, outcome in outcomes.exceptions.items() if key not in asked}


def _pack(outcome: object) -> list[object]:
    match outcome:
        case Delivered(None | str() as detail):
            return ["delivered", detail and detail[:DETAIL_LIMIT]]
        case Retry(str(detail), None | int() | float() as after):
            return ["retry", detail[:DETAIL_LIMIT], after]
        case Refused(str(detail)):
            return ["refused", detail[:DETAIL_LIMIT]]
        case _:
            raise TypeError(f"{outcome!r:.200} is not Delivered, Retry or Refused as they are made")


def _unpack_pair(pair: object) -> tuple[SubscriberKey, Outcome]:
    match pair:
        case [int(key), outcome]:
            return SubscriberKey(key), _unpack(outcome)
        case _:
            raise Garbage("an exception without its subscriber")


def _unpack(raw: object) -> Outcome:
    match raw:
        case ["delivered", None | str() as detail]:
            return Delivered(detail)
        case ["retry", str(detail), None | int() | float() as after]:
            if after is None or math.isfinite(after):
                return Retry(detail, after)
        case ["refused", str(detail)]:
            return Refused(detail)
    raise Garbage("not an outcome")
