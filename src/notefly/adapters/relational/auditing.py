"""The parts of the promise, as the audit.sql of an engine states them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from notefly.adapters.relational.statements import load
from notefly.domain.message import Content, fingerprint

LOOKS_AT = re.compile(r"^-- Looks at ([a-z -]+?)(?: by (message|batch))?\.$", re.MULTILINE)
ROWS = 100
STEP = 500
"""Keys in one statement; so many batches are at most half a million deliveries."""
EVERY_KEY = 2**62


@dataclass(frozen=True, slots=True)
class Part:
    """One statement of audit.sql: what it counts, and the table whose keys cut it into ranges."""

    name: str
    sql: str
    unit: str
    by: str | None

    @property
    def invariant(self) -> str:
        return self.name.partition("_")[0]


def load_parts(package: str) -> list[Part]:
    """All of an engine's, in the order they are checked."""
    found = []
    for name, sql in load(package, "audit").items():
        looks_at = LOOKS_AT.search(sql)
        if looks_at is None:
            raise AssertionError(f"{name} does not say what it looks at")
        found.append(Part(name, sql, looks_at[1], looks_at[2]))
    return found


def invariants_of(parts: Sequence[Part]) -> tuple[str, ...]:
    """Each once, in that order."""
    return tuple(dict.fromkeys(part.invariant for part in parts))


def key_ranges(latest: int | None) -> list[dict[str, int]]:
    """All keys in steps, of a table whose last one is `latest`; the last range has no end."""
    ends = [*range(STEP, latest or 0, STEP), EVERY_KEY]
    return [
        {"after": after, "through": through}
        for after, through in zip([0, *ends], ends, strict=False)
    ]


def same_request(taken_with: bytes, contents: Sequence[Content]) -> bool:
    """Whether a key's hash is the one of these messages.

    One may have come alone, or as the one line of many.
    """
    ways = (True,) if len(contents) > 1 else (False, True)
    return taken_with in [fingerprint(contents, many=many) for many in ways]
