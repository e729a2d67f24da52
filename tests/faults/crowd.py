"""People and messages as lines of NDJSON."""

import json
from collections.abc import Sequence


def person(name: str, category: str, channels: Sequence[str]) -> str:
    addresses = {"box": name, "phone": "+4915112345678"}
    return json.dumps(
        {
            "id": name,
            "name": f"Name of {name}",
            "addresses": addresses,
            "categories": [category],
            "channels": list(channels),
        }
    )


def line(category: str, words: object) -> str:
    """A message."""
    return json.dumps({"category": category, "body": f"message {words}"})
