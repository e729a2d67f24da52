"""SQL lives in `.sql` files next to this one: blocks that open with `-- name: …`."""

import re
from importlib.resources import files


def load(subject: str) -> dict[str, str]:
    """The named statements of one file."""
    text = (files("notefly.adapters.sqlite") / f"{subject}.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)[ \t]*$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
