"""pgqueuer on PostgreSQL.

`each`: janbjorge.github.io/pgqueuer, "Quick Start" (`pgq install`, `@pgq.entrypoint`,
`Queries.enqueue` with lists, `pgq run`, its default `batch_size` of 10) on asyncpg. The log is a
table of the same database. What a dead worker had comes back after a heartbeat time-out of 30 s.
`batched`: a job for up to 1,000 deliveries whose rows go in by COPY in one transaction, and
`--heartbeat-timeout 5`, so that a crash costs seconds.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.peers.adapters.postgres_log import COLUMNS, TABLE, numbered
from benchmarks.peers.driving import (
    BATCHED,
    INSERT,
    LOG,
    PEOPLE,
    PERSON,
    RANGE,
    become,
    everybody,
    rows,
    tasks,
)
from benchmarks.peers.work import Lot, witness

seen = witness()
opened: list[Queries] = []


@asynccontextmanager
async def main() -> AsyncIterator[PgQueuer]:
    """What `pgq run` is pointed at."""
    pgq = PgQueuer(AsyncpgDriver(await asyncpg.connect(LOG)))
    pool = await asyncpg.create_pool(LOG)

    @pgq.entrypoint("deliver")
    async def deliver(job: Job) -> None:
        delivery = tuple(json.loads(job.payload))
        seen.send(*delivery)
        await pool.execute(numbered(INSERT), *rows([delivery])[0])

    @pgq.entrypoint("fan_out")
    async def fan_out(job: Job) -> None:
        message, first, last = json.loads(job.payload)
        people = await pool.fetch(numbered(RANGE), first, last)
        delivered = rows(seen.send_all(message, people))
        await pool.copy_records_to_table("log", records=delivered, columns=COLUMNS)

    yield pgq


def prepare() -> None:
    asyncio.run(_prepare())


async def _prepare() -> None:
    link = await asyncpg.connect(LOG)
    await Queries(AsyncpgDriver(link)).install()
    await link.execute(TABLE)
    await link.execute(PEOPLE)
    await link.executemany(numbered(PERSON), everybody())
    await link.close()


async def publish(lots: list[Lot]) -> None:
    if not opened:
        opened.append(Queries(AsyncpgDriver(await asyncpg.connect(LOG))))
    name = "fan_out" if BATCHED else "deliver"
    told = list(tasks(lots))
    payloads = [json.dumps(one).encode() for one in told]
    await opened[0].enqueue([name] * len(told), payloads, [0] * len(told))


def work() -> None:
    soon = ["--heartbeat-timeout", "5"] if BATCHED else []
    become("pgq", "run", "benchmarks.peers.adapters.pgqueuer_postgres:main", *soon)
