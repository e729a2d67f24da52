"""procrastinate on PostgreSQL.

`each`: procrastinate.readthedocs.io, "Quickstart" (`PsycopgConnector`, `procrastinate schema
--apply`, `procrastinate worker`, one job at a time) and "How-to: Defer multiple jobs at once"
(`batch_defer`). The log is a table of the same database, written by the task's own connection.
`batched`: a task for up to 1,000 deliveries whose rows go in by COPY in one transaction, and
"How-to: Launch a worker", `--concurrency 2`. In both a job of a worker that was killed stays
`doing` until somebody retries it: "How-to: Retry stalled jobs" is a periodic task of the user's
own, which `batched` has (here: looked for every second, for workers silent for 5 s).
"""

import asyncio
import threading
from collections.abc import Iterable
from functools import cache

import psycopg
from procrastinate import App, PsycopgConnector

from benchmarks.peers.adapters.postgres_log import COPY, TABLE
from benchmarks.peers.driving import (
    BATCHED,
    INSERT,
    LOG,
    PEOPLE,
    PERSON,
    RANGE,
    Delivery,
    become,
    everybody,
    rows,
    tasks,
)
from benchmarks.peers.work import Lot, witness

DELIVERY = ("message", "subscriber", "channel")
app = App(connector=PsycopgConnector(conninfo=LOG))
seen, own = witness(), threading.local()


def connection() -> psycopg.Connection:
    """One for each thread that tasks run in."""
    if not hasattr(own, "connection"):
        own.connection = psycopg.connect(LOG, autocommit=True)
    return own.connection


@app.task(name="deliver")
def deliver(message: int, subscriber: int, channel: int) -> None:
    seen.send(message, subscriber, channel)
    connection().execute(INSERT.replace("?", "%s"), *rows([(message, subscriber, channel)]))


@app.task(name="fan_out")
def fan_out(message: int, first: int, last: int) -> None:
    people = connection().execute(RANGE.replace("?", "%s"), (first, last)).fetchall()
    copy(seen.send_all(message, people))


def copy(deliveries: Iterable[Delivery]) -> None:
    with connection().cursor() as cursor, cursor.copy(COPY) as lines:
        for row in rows(deliveries):
            lines.write_row(row)


def prepare() -> None:
    with app.open():
        app.schema_manager.apply_schema()
    with psycopg.connect(LOG) as link:
        link.execute(TABLE)
        link.execute(PEOPLE)
        link.cursor().executemany(PERSON.replace("?", "%s"), everybody())


@cache
def opened() -> App:
    """Once for the publisher's life."""
    return app.open()


def publish(lots: list[Lot]) -> None:
    opened()
    task, names = (fan_out, Lot._fields) if BATCHED else (deliver, DELIVERY)
    task.batch_defer(*(dict(zip(names, given, strict=True)) for given in tasks(lots)))


def work() -> None:
    if BATCHED:
        asyncio.run(_work_and_retry())
    command = ["--app", "benchmarks.peers.adapters.procrastinate_postgres.app", "worker"]
    become("procrastinate", *command)


async def _work_and_retry() -> None:
    async with app.open_async(), asyncio.TaskGroup() as together:
        together.create_task(app.run_worker_async(concurrency=2, update_heartbeat_interval=1))
        while True:
            await asyncio.sleep(1)  # its documentation looks for stalled jobs at times, too
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=5):
                await app.job_manager.retry_job(job)
