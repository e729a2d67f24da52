"""The message that everything here publishes, as a document, as lines, and as rows."""

import json
from typing import Any

BODY = "1:0 in the 23rd minute, and the stadium is on its feet. More in a moment."
TITLE = "Goal!"


def document(category: str = "sports") -> bytes:
    """One message as JSON."""
    return json.dumps({"category": category, "title": TITLE, "body": BODY}).encode()


def ndjson(lines: int, category: str = "sports") -> bytes:
    """So many messages, one a line."""
    return (document(category) + b"\n") * lines


def rows_of(lines: int, category: int, first_key: int) -> list[tuple[Any, ...]]:
    """What publishing them stores: key, id, category, epoch, times, only, title, body."""
    return [
        (
            key,
            (0x0190163D8694 << 80 | key).to_bytes(16, "big"),
            category,
            1,
            1_760_000_000_000_000,
            None,
            None,
            TITLE,
            BODY,
        )
        for key in range(first_key, first_key + lines)
    ]
