"""The promise, checked on the file: one streaming statement for each part of an invariant.

A long statement is cut into short ones by a range of keys. Each sees one moment, so it may run
beside a broker, and between two of them the WAL can be let go.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from uuid import UUID

import apsw

from notefly.adapters.relational.auditing import (
    ROWS,
    Part,
    invariants_of,
    key_ranges,
    load_parts,
)
from notefly.adapters.sqlite.connection import open_reader
from notefly.adapters.sqlite.fingerprints import SameRequest
from notefly.domain.log import Looked, Violation
from notefly.ports.audit import Audit

LATEST = "SELECT max(key) FROM {}"
NO_EPOCHS = "CREATE TEMP TABLE epoch (number INTEGER PRIMARY KEY, at INTEGER NOT NULL)"
Row = tuple[int, str | None, int | None, int | None, int | None]
"""How many were looked at; what is wrong; message, channel and subscriber."""


def parts() -> list[Part]:
    """This engine's."""
    return load_parts("notefly.adapters.sqlite")


class SqliteAudit:
    """See `Audit`. Opens the file for each invariant, and holds nothing in memory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._parts = parts()

    def invariants(self) -> tuple[str, ...]:
        return invariants_of(self._parts)

    async def check(self, invariant: str) -> AsyncIterator[Looked | Violation]:
        connection = await asyncio.to_thread(open_for_audit, self._path)
        try:
            for part in self._parts:
                if part.invariant == invariant:
                    yield Looked(invariant, part.name, part.unit, 0)
                    async for found in _look(connection, part):
                        yield found
        finally:
            await asyncio.to_thread(connection.close)


def open_for_audit(path: str) -> apsw.Connection:
    """A reader that sorts on disk, not in memory, and knows how requests are hashed."""
    connection = open_reader(path, earlier=True)
    for pragma in ("temp_store = FILE", "automatic_index = OFF", "query_only = OFF"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'epoch'").fetchone() is None:
        # A store that this version has not opened yet: nothing is known of when choices changed.
        connection.execute(NO_EPOCHS).fetchall()
    connection.execute("PRAGMA query_only = ON").fetchall()
    connection.create_aggregate_function("same_request", SameRequest, 7)
    return connection


async def _look(connection: apsw.Connection, part: Part) -> AsyncIterator[Looked | Violation]:
    for scope in await asyncio.to_thread(_scopes, connection, part):
        cursor = connection.cursor()
        cursor = await asyncio.to_thread(cursor.execute, part.sql, scope)
        while rows := await asyncio.to_thread(_some, cursor):
            yield Looked(part.invariant, part.name, part.unit, sum(row[0] for row in rows))
            for row in rows:
                if row[1] is not None:
                    yield _violation(connection, part, row[1], row[2:])


def _some(cursor: apsw.Cursor) -> list[Row]:
    return list(islice(cursor, ROWS))


def _scopes(connection: apsw.Connection, part: Part) -> Sequence[dict[str, int]]:
    if part.by is None:
        return [{}]
    latest = connection.execute(LATEST.format(part.by)).fetchone()
    return key_ranges(latest[0] if latest else None)


def _violation(
    connection: apsw.Connection, part: Part, detail: str, about: tuple[int | None, ...]
) -> Violation:
    """By the names that the API has for them; by their keys where there is none."""
    message, channel, subscriber = about

    def named(statement: str, key: int | None) -> str | None:
        if key is None:
            return None
        row = connection.execute(statement, (key,)).fetchone()
        value = row[0] if row is not None else None
        if value is None:
            return f"#{key}"
        return str(UUID(bytes=value)) if isinstance(value, bytes) else str(value)

    return Violation(
        part.invariant,
        detail,
        named("SELECT id FROM message WHERE key = ?", message),
        named("SELECT name FROM channel WHERE key = ?", channel),
        named("SELECT id FROM subscriber WHERE key = ?", subscriber),
    )


def _meets(audit: SqliteAudit) -> Audit:
    return audit
