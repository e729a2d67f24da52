"""Celery on Redis.

`each`: docs.celeryq.dev, "First Steps with Celery" (`@app.task`, `.delay()`, `celery worker`, no
result backend) and "Backends and Brokers / Using Redis"; everything else is the default: prefork
with a process for each core, prefetch 4, acknowledged before it runs.
`batched`: a task for up to 1,000 deliveries whose rows are one transaction; acknowledged late and
given back by a lost worker ("Tasks", `acks_late`, `reject_on_worker_lost`), prefetch 1
("Optimizing"), and a visibility timeout of 1 s ("Using Redis"), so that what a
killed worker had is given back by the next one at its start, or 10 s later: with kombu's
`unacked_restore_interval` of 1 s; its default makes that 100 s.
"""

from celery import Celery

from benchmarks.peers.driving import BATCHED, QUEUE, SqliteLog, become, make_sqlite_log, tasks
from benchmarks.peers.work import Lot, witness

app = Celery("peers", broker=QUEUE)
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
if BATCHED:
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_transport_options={"visibility_timeout": 1, "unacked_restore_interval": 1},
    )
seen, log = witness(), SqliteLog()


@app.task(name="deliver")
def deliver(message: int, subscriber: int, channel: int) -> None:
    seen.send(message, subscriber, channel)
    log.write([(message, subscriber, channel)])


@app.task(name="fan_out")
def fan_out(message: int, first: int, last: int) -> None:
    log.write(seen.send_all(message, log.people(first, last)))


prepare = make_sqlite_log


def publish(lots: list[Lot]) -> None:
    task = fan_out if BATCHED else deliver
    for given in tasks(lots):
        task.delay(*given)


def work() -> None:
    become("celery", "-A", "benchmarks.peers.adapters.celery_redis", "worker", "-l", "WARNING")
