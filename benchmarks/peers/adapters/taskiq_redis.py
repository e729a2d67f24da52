"""taskiq on Redis.

`each`: taskiq-redis' own page ("Usage": `RedisStreamBroker`, the broker with acknowledgement;
`.kiq()`) and taskiq-python.github.io, "CLI / Workers" (`taskiq worker`, its default of two
processes); no result backend. What a dead worker had comes back after `idle_timeout`, ten minutes.
`batched`: a task for up to 1,000 deliveries whose rows are one transaction, and an `idle_timeout`
of 5 s, so that a crash costs seconds.
"""

from taskiq_redis import RedisStreamBroker

from benchmarks.peers.driving import BATCHED, QUEUE, SqliteLog, become, make_sqlite_log, tasks
from benchmarks.peers.work import Lot, witness

broker = RedisStreamBroker(url=QUEUE, **({"idle_timeout": 5_000} if BATCHED else {}))
seen, log = witness(), SqliteLog()
started: list[bool] = []


@broker.task(task_name="deliver")
async def deliver(message: int, subscriber: int, channel: int) -> None:
    seen.send(message, subscriber, channel)
    log.write([(message, subscriber, channel)])


@broker.task(task_name="fan_out")
async def fan_out(message: int, first: int, last: int) -> None:
    log.write(seen.send_all(message, log.people(first, last)))


prepare = make_sqlite_log


async def publish(lots: list[Lot]) -> None:
    if not started:
        await broker.startup()
        started.append(True)
    task = fan_out if BATCHED else deliver
    for given in tasks(lots):
        await task.kiq(*given)


def work() -> None:
    become("taskiq", "worker", "benchmarks.peers.adapters.taskiq_redis:broker")
