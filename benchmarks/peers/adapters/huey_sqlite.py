"""huey on SQLite.

`each`: huey.readthedocs.io, "Guide" and "API / SqliteHuey" (a file, its defaults: WAL, and `fsync`
off, so that a power cut may take what was queued), "Consuming tasks": `huey_consumer.py` with its
default of one worker thread; results are not kept. A task leaves the queue before it runs.
`batched`: a task for up to 1,000 deliveries whose rows are one transaction, and two worker
processes (`-k process -w 2`), one for each core.
"""

from huey import SqliteHuey

from benchmarks.peers.driving import BATCHED, FOLDER, SqliteLog, become, make_sqlite_log, tasks
from benchmarks.peers.work import Lot, witness

huey = SqliteHuey("peers", filename=f"{FOLDER}/queue.db", results=False)
seen, log = witness(), SqliteLog()


@huey.task(name="deliver")
def deliver(message: int, subscriber: int, channel: int) -> None:
    seen.send(message, subscriber, channel)
    log.write([(message, subscriber, channel)])


@huey.task(name="fan_out")
def fan_out(message: int, first: int, last: int) -> None:
    log.write(seen.send_all(message, log.people(first, last)))


prepare = make_sqlite_log


def publish(lots: list[Lot]) -> None:
    task = fan_out if BATCHED else deliver
    for given in tasks(lots):
        task(*given)


def work() -> None:
    workers = ["-k", "process", "-w", "2"] if BATCHED else []
    become("huey_consumer", "benchmarks.peers.adapters.huey_sqlite.huey", "-q", *workers)
