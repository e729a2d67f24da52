"""The statements of this engine, with the parameters that the server numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notefly.adapters.relational.statements import load_all
from notefly.adapters.relational.transaction import Values

NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
"""`:name`, but not the type in `value::type`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`names`, in the order of their numbers; empty when whoever calls it numbers them."""

    text: str
    names: tuple[str, ...]

    def arguments(self, values: Values) -> Sequence[Any]:
        """The values in order; a mapping may hold more than is asked for."""
        if isinstance(values, Mapping):
            return [values[name] for name in self.names]
        return values


def numbered(text: str) -> Statement:
    """`:name` becomes `$n`; the same name the same number."""
    names = tuple(dict.fromkeys(NAMED.findall(text)))
    numbers = {name: f"${n}" for n, name in enumerate(names, 1)}
    return Statement(NAMED.sub(lambda found: numbers[found[1]], text), names)


STATEMENTS = {
    name: numbered(text)
    for name, text in load_all(
        "notefly.adapters.postgres",
        *("alike", "batches", "deliveries", "figures", "keys", "members", "messages", "names"),
        "subscribers",
    ).items()
}
