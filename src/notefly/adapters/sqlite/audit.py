"""The promise, checked on the file: one streaming statement for each part of an invariant."""

import asyncio
from collections.abc import AsyncIterator
from itertools import islice

import apsw

from notefly.adapters.sqlite.connection import open_reader
from notefly.adapters.sqlite.queries import load
from notefly.domain.log import Violation
from notefly.ports.audit import Audit

SQL = load("audit")
CHUNK = 100


class SqliteAudit:
    """See `Audit`. Each statement sees one moment, so it may run beside a broker."""

    def __init__(self, path: str) -> None:
        self._path = path

    def invariants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.partition("_")[0] for name in SQL))

    async def violations(self, invariant: str) -> AsyncIterator[Violation]:
        connection = await asyncio.to_thread(open_reader, self._path)
        # Sub-selects over millions of rows sort on disk, not in memory.
        connection.execute("PRAGMA temp_store = FILE").fetchall()
        try:
            for name in [name for name in SQL if name.partition("_")[0] == invariant]:
                cursor = connection.cursor()
                cursor = await asyncio.to_thread(cursor.execute, SQL[name])
                while rows := await asyncio.to_thread(_chunk, cursor):
                    for (detail,) in rows:
                        yield Violation(invariant, detail)
        finally:
            connection.close()


def _chunk(cursor: apsw.Cursor) -> list[tuple[str]]:
    return list(islice(cursor, CHUNK))


def _meets(audit: SqliteAudit) -> Audit:
    return audit
