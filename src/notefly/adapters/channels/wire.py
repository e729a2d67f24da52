"""What travels between the broker and a channel's process: frames.

A frame is four bytes of length, big-endian, and so many more. Answers are JSON and not pickle:
what comes from a team's process is read by the broker, and must not be able to run anything there.
Questions are in `questions`.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
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
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Garbage(f"not JSON ({type(error).__name__})") from error


def pack_outcomes(number: int, outcomes: Outcomes) -> bytes:
    """Raises TypeError or ValueError for what a channel must not answer.

    `delivered` is a column of subscribers and one of details: mostly it is everybody, or nobody,
    where all are answered alike.
    """
    taken: dict[SubscriberKey, str | None] = {}
    others = []
    for key, outcome in outcomes.exceptions.items():
        if type(outcome) is Delivered and type(outcome.detail) in TEXT:
            taken[key] = outcome.detail
        else:
            others.append([key, _pack(outcome)])
    answer: dict[str, object] = {"number": number, "default": _pack(outcomes.default)}
    if others:
        answer["exceptions"] = others
    if taken:
        details = [detail and detail[:DETAIL_LIMIT] for detail in taken.values()]
        answer["delivered"] = [list(taken), details]
    return dump(answer)


def pack_not_begun(number: int) -> bytes:
    """In place of outcomes: nobody was called."""
    return dump({"number": number, "begun": False})


def unpack_outcomes(number: int, body: bytes, recipients: Iterable[Recipient]) -> Outcomes | None:
    """Believes nothing; None where it was not begun.

    Raises Garbage, also for an outcome of somebody who was not handed over.
    """
    raw = load(body)
    if not isinstance(raw, dict) or raw.get("number") != number:
        raise Garbage("not the answer to this hand-over")
    if raw.get("begun") is False:
        return None
    found: dict[SubscriberKey, Outcome] = {}
    if "delivered" in raw:
        found |= _unpack_delivered(raw["delivered"])
    if "exceptions" in raw:
        found |= _unpack_exceptions(raw["exceptions"])
    if found and not found.keys() <= {r.subscriber for r in recipients}:
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
    if not outcomes.exceptions:
        return {}
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


def _unpack_exceptions(raw: object) -> dict[SubscriberKey, Outcome]:
    if not isinstance(raw, list):
        raise Garbage("exceptions that are no list")
    return dict(map(_unpack_pair, raw))


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
