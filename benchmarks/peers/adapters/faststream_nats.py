"""FastStream on NATS JetStream.

`each`: faststream.ag2.ai, "NATS / JetStream" (`@broker.subscriber(…, stream=…)`,
`broker.publish(…, stream=…)`, which waits for the stream's acknowledgement) and "CLI"
(`faststream run --workers 2`); a durable consumer in a queue group, so that workers share the
work; acknowledged after the handler ran ("Acknowledgement", `AckPolicy.ACK`), else again after
the server's `ack_wait` of 30 s. JetStream acknowledges before fsync, which is its default.
`batched`: a message for up to 1,000 deliveries whose rows are one transaction, and an `ack_wait`
of 5 s, so that a crash costs seconds; at most eight are handed out at a time, so that none waits
for its turn in a worker longer than that.
"""

import asyncio
from typing import Any

import nats
from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker
from nats.js.api import ConsumerConfig

from benchmarks.peers.driving import BATCHED, QUEUE, SqliteLog, become, make_sqlite_log, tasks
from benchmarks.peers.work import Lot, witness

broker = NatsBroker(QUEUE)
app = FastStream(broker)
SUBJECTS = ["deliver", "fan_out"]
stream = JStream("peers", subjects=SUBJECTS)
seen, log = witness(), SqliteLog()
started: list[bool] = []


def consumer() -> dict[str, Any]:
    """One of its own for each subscriber: the client fills it in."""
    config = {"config": ConsumerConfig(ack_wait=5, max_ack_pending=8)} if BATCHED else {}
    return {"stream": stream, "ack_policy": AckPolicy.ACK, **config}


@broker.subscriber("deliver", queue="deliver", **consumer())
async def deliver(delivery: list[int]) -> None:
    message, subscriber, channel = delivery
    seen.send(message, subscriber, channel)
    log.write([(message, subscriber, channel)])


@broker.subscriber("fan_out", queue="fan_out", **consumer())
async def fan_out(part: list[int]) -> None:
    message, first, last = part
    log.write(seen.send_all(message, log.people(first, last)))


def prepare() -> None:
    make_sqlite_log()
    asyncio.run(_make_stream())


async def _make_stream() -> None:
    """As the application does when it starts; the publisher may come first here."""
    async with await nats.connect(QUEUE) as link:
        await link.jetstream().add_stream(name=stream.name, subjects=SUBJECTS)


async def publish(lots: list[Lot]) -> None:
    if not started:
        await broker.connect()
        started.append(True)
    subject = "fan_out" if BATCHED else "deliver"
    for given in tasks(lots):
        await broker.publish(list(given), subject, stream="peers")


def work() -> None:
    become("faststream", "run", "benchmarks.peers.adapters.faststream_nats:app", "--workers", "2")
