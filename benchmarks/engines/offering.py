"""Batches offered to JetStream: many at a time, against one message after the other."""

import asyncio
import time
from collections.abc import Mapping
from statistics import median

import nats as driver

from benchmarks.engines.bench import EnginesBench
from benchmarks.engines.queues import nats
from benchmarks.figures import Figure, of_ratios
from notefly.adapters.jetstream.link import open_link
from notefly.adapters.jetstream.messages import written
from notefly.adapters.jetstream.queue import open_queue
from notefly.adapters.system import SystemClock
from notefly.domain.batch import BATCH_LIMIT, BatchRef
from notefly.domain.ids import BatchKey, MessageKey

NODES = 3
BATCHES = 20_000
PART = 1_000
IN_FLIGHT = 256
SINGLES = "singles"
ONCE = {
    "Nats-Expected-Last-Subject-Sequence": "0",
    "Nats-Expected-Last-Subject-Sequence-Subject": f"{SINGLES}.email.*.{{batch}}",
}
"""As the product says it."""


def offered(bench: EnginesBench) -> list[Figure]:
    """Both on the same servers, in turns."""
    many, single, bare = [], [], []
    for _ in range(bench.rounds):
        with nats(NODES) as servers:
            many.append(asyncio.run(_many(servers.addresses)))
            single.append(asyncio.run(_single(servers.addresses, ONCE)))
            bare.append(asyncio.run(_single(servers.addresses, {})))
    ratio = median(a / b for a, b in zip(many, bare, strict=True))
    return [
        of_ratios(
            f"batches offered per second, JetStream, {NODES} nodes, always "
            f"/ single publishes of the same, {IN_FLIGHT} in flight",
            "batches/s",
            many,
            single,
            2.5,
            note=f"{BATCHES:,} batches, {PART:,} in one offer, each kept once; "
            f"{ratio:.2f} x of single publishes that are not kept once",
            more={"not_kept_once": bare},
        )
    ]


async def _many(servers: str) -> float:
    refs = _refs()
    async with (
        open_link(servers) as link,
        open_queue(link, replicas=NODES, clock=SystemClock()) as queue,
    ):
        began = time.perf_counter()
        for first in range(0, BATCHES, PART):
            await queue.offer(refs[first : first + PART])
        return BATCHES / (time.perf_counter() - began)


async def _single(servers: str, headers: Mapping[str, str]) -> float:
    """The same subjects and bodies; without `headers`, nobody looks whether it is there already."""
    link = await driver.connect(servers.split(","))
    stream = link.jetstream()
    await stream.add_stream(name=SINGLES, subjects=[f"{SINGLES}.*.*.*"], num_replicas=NODES)
    left = iter(_refs()[: BATCHES // 4])

    async def one() -> None:
        for ref in left:
            said = {name: value.format(batch=ref.batch) for name, value in headers.items()}
            subject = f"{SINGLES}.email.large.{ref.batch}"
            await stream.publish(subject, written(ref), headers=said or None)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))
    seconds = time.perf_counter() - began
    await stream.delete_stream(SINGLES)
    await link.close()
    return BATCHES // 4 / seconds


def _refs() -> list[BatchRef]:
    return [
        BatchRef(BatchKey(n), MessageKey(1), "email", BATCH_LIMIT) for n in range(1, BATCHES + 1)
    ]
