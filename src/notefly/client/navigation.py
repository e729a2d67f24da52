"""The pages, as the navigation and the keyboard offer them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A page: `g` and then `key` leads there; `below` are addresses that belong to it."""

    address: str
    name: str
    key: str
    below: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Whether somebody who is at `path` is on this page, or on one of its own."""
        return path == self.address or path.startswith((f"{self.address}/", *self.below))


GROUPS = (
    (
        Entry("/", "Home", "h"),
        Entry("/pub", "Publish", "p"),
        Entry("/activity", "Activity", "a", ("/messages/", "/deliveries/")),
    ),
    (
        Entry("/subscribers", "Subscribers", "s"),
        Entry("/queue", "Queue", "q"),
        Entry("/dead", "Dead letters", "d"),
        Entry("/chaos", "Chaos", "c"),
    ),
    (
        Entry("/sub", "Subscribe", "u"),
        Entry("/settings", "Settings", "e"),
        Entry("/docs", "API", "i"),
    ),
)
"""What happens, what it happens to, and the rest."""
