"""Stores of every schema there was, and migrations that there will never be, for tests alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw

from notefly.adapters.sqlite.connection import migrations

STORES = Path(__file__).parent / "stores"
CATEGORIES = ("finance", "movies", "sports")
"""Of the stores in that folder."""
BALLAST = """
INSERT INTO event (at, message, channel, state, deliveries)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
SELECT 1, i % 7, 1, 1, i FROM n;
"""
"""Rows that a migration has to write anew, and on which nothing else depends."""
TEST_MIGRATIONS = {
    9001: """
-- A large table, written anew.
CREATE TABLE event_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, message INTEGER NOT NULL,
    channel INTEGER NOT NULL, state INTEGER NOT NULL, deliveries INTEGER NOT NULL,
    subscriber INTEGER, doubled INTEGER
);
INSERT INTO event_new SELECT id, at, message, channel, state, deliveries, subscriber, deliveries * 2
FROM event ORDER BY id;
DROP TABLE event;
ALTER TABLE event_new RENAME TO event;
""",
    9002: """
ALTER TABLE message ADD COLUMN length INTEGER;
UPDATE message SET length = length(body);
CREATE INDEX event_by_message ON event (message, id);
""",
}


def versions() -> list[int]:
    """Every schema that a store may have today, the newest last."""
    return list(migrations())


def make(store: Path, version: int) -> None:
    """With rows in every state: what was exported of this schema, or of the last one before it."""
    of_product = migrations()
    filled = max(n for n in of_product if n <= version and (STORES / f"{n:04}.sql").exists())
    connection = apsw.Connection(str(store))
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        for number, script in of_product.items():
            if number <= version:
                connection.execute(f"{script}; PRAGMA user_version = {number}").fetchall()
            if number == filled:
                connection.execute((STORES / f"{number:04}.sql").read_text("utf-8")).fetchall()
                connection.execute(BALLAST).fetchall()
    finally:
        connection.close()


def write_migrations(folder: Path) -> None:
    """Those of the product and those of this test."""
    folder.mkdir()
    for number, script in {**migrations(), **TEST_MIGRATIONS}.items():
        (folder / f"{number:04}_test.sql").write_text(script)


def shape(store: Path) -> tuple[int, frozenset[str]]:
    """The number of the schema, and what it really is."""
    connection = apsw.Connection(str(store))
    try:
        [(number,)] = connection.execute("PRAGMA user_version").fetchall()
        found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    finally:
        connection.close()
    return int(str(number)), frozenset(str(sql) for (sql,) in found)


def shapes(folder: Path) -> Mapping[int, frozenset[str]]:
    """What each schema has to be; only these may be met, however a migration ends."""
    found = {}
    connection = apsw.Connection(":memory:")
    for number, script in migrations(folder).items():
        connection.execute(script).fetchall()
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        found[number] = frozenset(str(sql) for (sql,) in rows)
    connection.close()
    return found


def counts(store: Path) -> Mapping[str, int]:
    """How many of everything; a migration may add tables, and may not lose a row."""
    connection = apsw.Connection(str(store))
    try:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        names = [name for (name,) in tables if name != "sqlite_sequence"]
        found = {str(name): _rows(connection, str(name)) for name in names}
        for state in range(5):
            found[f"deliveries in state {state}"] = _rows(connection, "delivery", state)
    finally:
        connection.close()
    return found


def _rows(connection: apsw.Connection, table: str, state: int | None = None) -> int:
    only = "" if state is None else f" WHERE state = {state}"
    rows: list[Any] = connection.execute(f"SELECT count(*) FROM {table}{only}").fetchall()  # noqa: S608
    return int(rows[0][0])
