"""What is published, once, in a category."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from notefly.domain.errors import Problem
from notefly.domain.ids import Epoch, MessageId, MessageKey, SubscriberId

TITLE_LIMIT = 200
"""Characters; longer than any subject line that is shown whole."""
KEY = re.compile(r"[!-~]{1,255}")
"""What an idempotency key may be: visible ASCII."""
LINE_OR_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Content:
    """What a publisher wrote. `only` names the one subscriber of a test message."""

    category: str
    body: str
    title: str | None = None
    expires_at: datetime | None = None
    only: SubscriberId | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """Content that was accepted: it is on stable storage and its audience is fixed by `epoch`."""

    id: MessageId
    key: MessageKey
    epoch: Epoch
    accepted_at: datetime
    content: Content


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes a retry the same request: who asks, their key, and a hash of what they ask."""

    owner: str
    key: str
    fingerprint: bytes


def fingerprint(contents: Sequence[Content], *, many: bool) -> bytes:
    """A hash over the validated fields: the same JSON spelled otherwise is the same request."""
    fields = [
        [
            c.category,
            c.title,
            c.body,
            c.expires_at and c.expires_at.astimezone(UTC).isoformat(),
            c.only,
        ]
        for c in contents
    ]
    return hashlib.sha256(json.dumps([many, fields], ensure_ascii=True).encode()).digest()


def problems_of(content: Content, categories: frozenset[str], now: datetime) -> Iterator[Problem]:
    """Everything that keeps this content from being published, whatever the channels say."""
    if content.category not in categories:
        known = ", ".join(sorted(categories))
        yield Problem("/category", f"unknown category; the configured ones are: {known}")
    if not content.body.strip():
        yield Problem("/body", "must not be empty")
    yield from text_problems("/body", content.body)
    if content.title is not None:
        yield from title_problems(content.title)
    if content.expires_at is not None and content.expires_at <= now:
        yield Problem("/expires_at", "is in the past")


def title_problems(title: str) -> Iterator[Problem]:
    """A title ends in an e-mail header: a control character there would be a second header."""
    if not title.strip():
        yield Problem("/title", "must not be empty; leave it out instead")
    if len(title) > TITLE_LIMIT:
        yield Problem("/title", f"must have at most {TITLE_LIMIT} characters")
    if LINE_OR_CONTROL.search(title):
        yield Problem("/title", "must not hold control characters or line breaks")
    yield from text_problems("/title", title)


def text_problems(pointer: str, text: str) -> Iterator[Problem]:
    """What no channel can carry: lone surrogates (not UTF-8) and NUL (cut off by C libraries)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        yield Problem(pointer, "holds a lone surrogate, which is not a character")
    if "\0" in text:
        yield Problem(pointer, "must not hold NUL")
