"""Reads a contender's log from outside: how many rows, how many of them twice, and since when."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import apsw
import asyncpg

ROWS = "SELECT count(*) FROM log WHERE message >= {first}"
DISTINCT = """
SELECT count(*) FROM (
    SELECT DISTINCT message, subscriber, channel FROM log WHERE message >= {first}) AS once
"""
LAST = """
SELECT message, max(at) FROM log WHERE message >= {first} GROUP BY message HAVING count(*) >= {rows}
"""
TALLY = "SELECT coalesce(sum(deliveries), 0) FROM tally WHERE state = 1"
SINCE = """
SELECT coalesce(sum(delivered), 0) FROM batch
WHERE message >= (SELECT min(key) FROM message WHERE CAST(body AS INTEGER) >= {first})
"""
DELIVERED = """
SELECT count(*) FROM delivery d JOIN message m ON m.key = d.message
WHERE d.state = 1 AND CAST(m.body AS INTEGER) >= {first}
"""
ENDED = """
SELECT CAST(m.body AS INTEGER), max(a.ended_at) / 1e6
FROM message m JOIN batch b ON b.message = m.key JOIN attempt a ON a.batch = b.key
WHERE CAST(m.body AS INTEGER) >= {first}
GROUP BY m.key HAVING sum(b.delivered) >= {rows}
"""
INTERRUPTED = """
SELECT coalesce(sum(b.size), 0) FROM attempt a JOIN batch b ON b.key = a.batch
WHERE a.ending = 'interrupted'
"""


class Record(Protocol):
    """A durable log. What is asked about begins with the message `first`."""

    def rows(self, first: int) -> int:
        """How many deliveries are recorded, quickly."""
        ...

    def distinct(self, first: int) -> int:
        """How many different ones: looked up in the rows themselves."""
        ...

    def ended(self, first: int, rows: int) -> dict[int, float]:
        """When each message that has all its rows got the last one, in seconds since 1970."""
        ...

    def interrupted(self) -> int | None:
        """Deliveries of attempts that a crash cut off; None where nobody writes that down."""
        ...


class PeerRecord:
    """The table that every peer's tasks write, in SQLite or in PostgreSQL."""

    def __init__(self, address: str) -> None:
        self._address = address

    def rows(self, first: int) -> int:
        return int(self._ask(ROWS.format(first=first))[0][0])

    def distinct(self, first: int) -> int:
        return int(self._ask(DISTINCT.format(first=first))[0][0])

    def ended(self, first: int, rows: int) -> dict[int, float]:
        return dict(map(tuple, self._ask(LAST.format(first=first, rows=rows))))

    def interrupted(self) -> int | None:
        return None

    def _ask(self, sql: str) -> Sequence[Sequence[Any]]:
        if self._address.startswith("postgresql:"):
            return asyncio.run(_fetch(self._address, sql))
        return _read(Path(self._address), sql)


class NoteflyRecord:
    """The product's own tables; its tally is kept in the deliveries' own commit."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._before: dict[int, int] = {}
        """What the tally was at when a message came, so that looking often costs nothing."""

    def rows(self, first: int) -> int:
        if first not in self._before:
            [tally], [since] = _read(self._store, f"{TALLY} UNION ALL {SINCE.format(first=first)}")
            self._before[first] = tally - since
        return int(_read(self._store, TALLY)[0][0]) - self._before[first]

    def distinct(self, first: int) -> int:
        return int(_read(self._store, DELIVERED.format(first=first))[0][0])

    def ended(self, first: int, rows: int) -> dict[int, float]:
        return dict(map(tuple, _read(self._store, ENDED.format(first=first, rows=rows))))

    def interrupted(self) -> int | None:
        return int(_read(self._store, INTERRUPTED)[0][0])


async def _fetch(dsn: str, sql: str) -> Sequence[Sequence[Any]]:
    link = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await link.fetch(sql)]
    finally:
        await link.close()


def _read(path: Path, sql: str) -> Sequence[Sequence[Any]]:
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        connection.set_busy_timeout(5_000)
        return list(connection.execute(sql))


def _meets(peer: PeerRecord, notefly: NoteflyRecord) -> tuple[Record, Record]:
    return peer, notefly
