"""The least work that could be done instead: plain SQL on the product's own tables.

`python -m benchmarks.engines.plain '{"do": …}'` prints one JSON object, from a process of its own.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from notefly.adapters.postgres.connection import SETTINGS
from notefly.adapters.postgres.transaction import Link

COLUMNS = (
    "message",
    "channel",
    "subscriber",
    "state",
    "reason",
    "batch",
    "attempt",
    "round",
    "detail",
)
SLICE = """
INSERT INTO delivery (message, channel, subscriber, state, reason, batch, attempt, round, detail)
SELECT 1, $1, s.subscriber, 1, NULL, 1, 1, 1, NULL FROM subscription s
WHERE s.category = $2 AND s.channel = $1 AND s.subscriber > $3 AND s.subscriber <= $4
AND s.from_epoch <= $5 AND s.to_epoch > $5
"""
Slice = tuple[int, int, int]
"""Channel, after, through."""


async def broadcast(dsn: str, category: str, rows_per_commit: int) -> dict[str, float]:
    """`INSERT … SELECT` of a category's audience in slices, by two connections."""

    async def write(link: Link, key: int, epoch: int, slices: list[Slice]) -> int:
        rows = 0
        while slices:
            channel, after, through = slices.pop()
            tag = await link.execute(SLICE, channel, key, after, through, epoch)
            rows += int(tag.rpartition(" ")[2])
        return rows

    return await _by_two(dsn, category, rows_per_commit, write)


async def copied(dsn: str, category: str, rows_per_commit: int) -> dict[str, float]:
    """`COPY` of one row for each of the audience, a detail with each, by two connections."""

    async def write(link: Link, key: int, epoch: int, slices: list[Slice]) -> int:
        rows = 0
        while slices:
            channel, after, through = slices.pop()
            records = [
                (1, channel, n, 1, None, 1, 1, 1, f"id-{n}") for n in range(after + 1, through + 1)
            ]
            await link.copy_records_to_table("delivery", records=records, columns=COLUMNS)
            rows += len(records)
        return rows

    return await _by_two(dsn, category, rows_per_commit, write)


async def _by_two(
    dsn: str,
    category: str,
    rows_per_commit: int,
    write: Callable[[Link, int, int, list[Slice]], Awaitable[int]],
) -> dict[str, float]:
    links = [await asyncpg.connect(dsn, server_settings=SETTINGS) for _ in range(2)]
    key = await links[0].fetchval("SELECT key FROM category WHERE name = $1", category)
    epoch = await links[0].fetchval("SELECT value FROM meta WHERE name = 'epoch'")
    bounds = await links[0].fetch(
        "SELECT channel, min(subscriber), max(subscriber) FROM subscription WHERE category = $1"
        " GROUP BY channel ORDER BY channel",
        key,
    )
    slices = [one for row in bounds for one in _slices(row[0], row[1] - 1, row[2], rows_per_commit)]
    slices.reverse()
    await links[0].execute(_partition())
    began = time.perf_counter()
    rows = await asyncio.gather(*(write(link, key, epoch, slices) for link in links))
    seconds = time.perf_counter() - began
    for link in links:
        await link.close()
    return {"seconds": seconds, "rows": sum(rows)}


def _partition() -> str:
    """What the first accepted message makes."""
    return (
        "CREATE TABLE IF NOT EXISTS delivery_1 PARTITION OF delivery FOR VALUES FROM (1) TO (10001)"
    )


def _slices(channel: int, after: int, last: int, size: int) -> Sequence[Slice]:
    starts = range(after, last, size)
    return [(channel, start, min(start + size, last)) for start in starts]


def main() -> None:
    asked = json.loads(sys.argv[1])
    do: Any = {"broadcast": broadcast, "copied": copied}[asked.pop("do")]
    print(json.dumps(asyncio.run(do(**asked))))


if __name__ == "__main__":
    main()
