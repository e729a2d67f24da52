"""Where durations are told; the counts come from the store, so that they survive restarts."""

from typing import Protocol


class Meter(Protocol):
    """Takes seconds; must be quick and callable from any thread."""

    def commit(self, seconds: float, members: int) -> None:
        """A transaction became durable, with so many waiting for it."""
        ...

    def attempt(self, channel: str, seconds: float) -> None:
        """A group of batches was tried on a channel."""
        ...
