"""The rules call statements by name: each engine has each of them, and none that nobody calls."""

import re
from pathlib import Path

import pytest

from notefly.adapters import relational
from notefly.adapters.postgres.statements import STATEMENTS as POSTGRES
from notefly.adapters.postgres.statements import numbered
from notefly.adapters.sqlite.transaction import STATEMENTS as SQLITE

ENGINES = {"sqlite": set(SQLITE), "postgres": set(POSTGRES)}
NAME = re.compile(
    r'"((?:alike|batches|deliveries|figures|keys|members|messages|subscribers)\.\w+)"'
)
COMPUTED = {
    f"names.{verb}_{table}" for verb in ("find", "make", "all") for table in ("category", "channel")
}
"""Their names are put together from a verb and a table."""


def called(folder: Path) -> set[str]:
    return {name for file in folder.glob("*.py") for name in NAME.findall(file.read_text("utf-8"))}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_statement_is_there_and_is_called(engine: str) -> None:
    shared = Path(relational.__path__[0])
    own = called(shared.parent / engine)
    if engine == "sqlite":
        own |= {f"alike.{name}" for name in ("settle", "end_attempts", "add_events", "add_tally")}
    assert ENGINES[engine] == called(shared) | own | COMPUTED


def test_names_become_numbers_and_types_stay() -> None:
    made = numbered("SELECT :b::bigint, :a, x::text FROM t WHERE y = :b")
    assert made.text == "SELECT $1::bigint, $2, x::text FROM t WHERE y = $1"
    assert list(made.arguments({"a": 1, "b": 2, "c": 3})) == [2, 1]
    assert list(made.arguments((7, 8))) == [7, 8]
