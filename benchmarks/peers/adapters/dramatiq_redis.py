"""dramatiq on Redis.

`each`: dramatiq.io, "User Guide" (`RedisBroker`, `@dramatiq.actor`, `.send()`, the command
`dramatiq module` with its default of a process for each core and eight threads in each). A message
is acknowledged after it ran; what a dead worker had comes back when its heartbeat is older than
60 s ("API Reference / RedisBroker", `heartbeat_timeout`).
`batched`: a task for up to 1,000 deliveries whose rows are one transaction, two threads in each
process ("User Guide / Workers"), and a heartbeat of 5 s, so that a crash costs seconds.
"""

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.peers.driving import BATCHED, QUEUE, SqliteLog, become, make_sqlite_log, tasks
from benchmarks.peers.work import Lot, witness

broker = RedisBroker(url=QUEUE, **({"heartbeat_timeout": 5_000} if BATCHED else {}))
dramatiq.set_broker(broker)
seen, log = witness(), SqliteLog()


@dramatiq.actor
def deliver(message: int, subscriber: int, channel: int) -> None:
    seen.send(message, subscriber, channel)
    log.write([(message, subscriber, channel)])


@dramatiq.actor
def fan_out(message: int, first: int, last: int) -> None:
    log.write(seen.send_all(message, log.people(first, last)))


prepare = make_sqlite_log


def publish(lots: list[Lot]) -> None:
    task = fan_out if BATCHED else deliver
    for given in tasks(lots):
        task.send(*given)


def work() -> None:
    threads = ["--threads", "2"] if BATCHED else []
    become("dramatiq", "benchmarks.peers.adapters.dramatiq_redis", *threads)
