"""One message after the other through NATS alone: less than this no queue on it can take."""

import asyncio
import time
from contextlib import suppress

import nats as driver
from nats.errors import TimeoutError as NothingCame
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy

STREAM = "passing"
PER_SECOND = 50
PATIENCE_SECONDS = 5.0


def passed(servers: str, replicas: int, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds until each is stored by all, and until who waits for it has it."""
    return asyncio.run(_passed(servers, replicas, seconds))


async def _passed(servers: str, replicas: int, seconds: float) -> tuple[list[float], list[float]]:
    """By two connections, as two processes have them."""
    sender, receiver = [await driver.connect(servers.split(",")) for _ in range(2)]
    stream = sender.jetstream()
    await stream.add_stream(
        name=STREAM,
        subjects=[STREAM],
        num_replicas=replicas,
        retention=RetentionPolicy.WORK_QUEUE,
    )
    count = int(seconds * PER_SECOND)
    came: list[float] = []
    receiving = asyncio.create_task(_receive(receiver.jetstream(), count, came))
    stored, sent = [], []
    for _ in range(count):
        sent.append(time.perf_counter())
        await stream.publish(STREAM, b"%d" % len(sent))
        stored.append(time.perf_counter() - sent[-1])
        await asyncio.sleep(max(0.0, sent[-1] + 1 / PER_SECOND - time.perf_counter()))
    await receiving
    await stream.delete_stream(STREAM)
    for link in (sender, receiver):
        await link.close()
    return stored, [at - began for at, began in zip(came, sent, strict=True)]


async def _receive(stream: JetStreamContext, count: int, came: list[float]) -> None:
    waiting = await stream.pull_subscribe(STREAM, STREAM)
    while len(came) < count:
        with suppress(NothingCame):
            [message] = await waiting.fetch(1, timeout=PATIENCE_SECONDS)
            came.append(time.perf_counter())
            await message.ack()
