"""Whether an idempotency key's hash is the one of the messages that are stored under it."""

from typing import Any

from notefly.adapters.relational.auditing import same_request
from notefly.adapters.relational.times import maybe_moment
from notefly.domain.ids import SubscriberId
from notefly.domain.message import Content


class SameRequest:
    """An aggregate of SQL over the messages of one key, in order: 1, 0, or NULL if unknowable."""

    def __init__(self) -> None:
        self._taken_with = b""
        self._contents: list[Content] = []
        self._erased = False

    def step(self, *values: Any) -> None:
        """The key's hash, then what a message is made of."""
        self._taken_with, category, title, body, expires_at, only, person = values
        self._erased = self._erased or (only is not None and person is None)
        named = None if person is None else SubscriberId(person)
        self._contents.append(Content(category, body, title, maybe_moment(expires_at), named))

    def final(self) -> int | None:
        if self._erased or not self._contents:
            return None
        return int(same_request(self._taken_with, self._contents))
