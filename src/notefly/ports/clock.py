"""Time and names come from outside, so that a test can hold them still."""

from datetime import datetime
from typing import Protocol

from notefly.domain.ids import MessageId


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...


class Ids(Protocol):
    """New names, and chance."""

    def message(self, at: datetime) -> MessageId:
        """A new UUIDv7 (RFC 9562) of that time."""
        ...

    def messages(self, at: datetime, count: int) -> list[MessageId]:
        """So many of them; one for each of thousands would be made of the time anew."""
        ...

    def fraction(self) -> float:
        """Uniform in [0, 1): the jitter of a retry."""
        ...

    def secret(self, size: int) -> bytes:
        """So many bytes that nobody can guess."""
        ...
