"""Outcomes of each recipient: recording them alone, and all the way through a channel."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import uvloop

from benchmarks.channels import CalledChannel
from benchmarks.engines.bench import CHANNELS, EnginesBench, plain
from benchmarks.engines.population import CATEGORIES
from benchmarks.figures import CHANNEL_CALLED, Figure, of_ratios
from benchmarks.lines import BODY, TITLE
from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.adapters.postgres.store import PostgresStore, open_store
from notefly.adapters.system import SystemClock, SystemIds
from notefly.application.deliver import DeliverBatch
from notefly.application.doorbell import Doorbell
from notefly.application.lane import Lane, Tools, WorkerName
from notefly.application.pace import Pace
from notefly.application.patience import Terms
from notefly.application.retry import Judge
from notefly.application.trouble import Trouble
from notefly.domain.batch import BATCH_LIMIT, NOBODY, BatchRef, Claim, Ending, Report
from notefly.domain.ids import SubscriberKey
from notefly.domain.message import Content
from notefly.domain.outcome import Delivered, Outcome, Outcomes, RetryPolicy
from notefly.ports.clock import Clock
from notefly.ports.message_store import Publication
from notefly.process import collect_rarely
from tests.support.time import SilentMeter

KINDS = {"sms": "phone", "email": "email"}
CONNECTIONS = 2
"""That record, here and in the reference."""
IN_FLIGHT = 4
LEASE = 3_600.0


def each(bench: EnginesBench) -> list[Figure]:
    """Against COPY of the same rows: as many in a commit, by as many connections."""
    people, template = bench.called_people, bench.called
    recorded, delivered, copied = [], [], []
    for _ in range(bench.rounds):
        with bench.stage.fresh(template) as dsn:
            recorded.append(people * CHANNELS / _run(dsn, way="record"))
        with bench.stage.fresh(template) as dsn:
            least = plain("copied", dsn=dsn, category="sports", rows_per_commit=BATCH_LIMIT)
            assert least["rows"] == people * CHANNELS, least
            copied.append(least["rows"] / least["seconds"])
        with bench.stage.fresh(template) as dsn:
            delivered.append(people * CHANNELS / _run(dsn, way="deliver"))
    ratio = "COPY of the same rows, as many in a commit, two connections"
    return [
        of_ratios(
            f"per-recipient outcomes recorded, two connections / {ratio}",
            "deliveries/s",
            recorded,
            copied,
            0.7,
            note="in process; claimed and answered before",
        ),
        of_ratios(
            f"the whole way of one process: claim, consent, call, judge, record / {ratio}",
            "deliveries/s",
            delivered,
            copied,
            0.0,
            called=CHANNEL_CALLED,
            note="no target: one interpreter prepares what two connections copy",
        ),
    ]


def _run(dsn: str, way: str) -> float:
    collect_rarely()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_record(dsn) if way == "record" else _deliver(dsn))


async def _opened(stack: AsyncExitStack, dsn: str) -> PostgresStore:
    opened = open_store(
        dsn, categories=CATEGORIES, kinds=KINDS, clock=SystemClock(), meter=SilentMeter()
    )
    return await stack.enter_async_context(opened)


async def _planned(store: PostgresStore) -> list[BatchRef]:
    at = SystemClock().now()
    content = Content("sports", BODY, TITLE)
    await store.messages.accept(Publication([SystemIds().message(at)], [content], at))
    refs: list[BatchRef] = []
    while (planned := await store.batches.plan(dict.fromkeys(KINDS, BATCH_LIMIT), 1.0)).more:
        refs += planned.refs
    return [*refs, *planned.refs]


async def _record(dsn: str) -> float:
    async with AsyncExitStack() as stack:
        store = await _opened(stack, dsn)
        refs = await _planned(store)
        claims = (await store.batches.claim(refs, "bench", LEASE, SystemClock().now())).claims
        judge = _judge(SystemClock())
        reports = [await _report(store, claim, judge) for claim in claims]
        began = time.perf_counter()

        async def one() -> None:
            while reports:
                await store.batches.finish([reports.pop()])

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
        return time.perf_counter() - began


async def _report(store: PostgresStore, claim: Claim, judge: Judge) -> Report:
    """What a channel with an id for each makes of it."""
    at = SystemClock().now()
    [part] = await store.batches.hand_over([claim], NOBODY, BATCH_LIMIT, at)
    answers: dict[SubscriberKey, Outcome] = {
        r.subscriber: Delivered(f"id-{r.subscriber}") for r in part.recipients
    }
    handed = judge.handed(claim, part, len(answers), at, Outcomes(Delivered(), answers))
    return Report(claim, Ending.FINISHED, at, [handed])


def _judge(clock: Clock) -> Judge:
    return Judge(RetryPolicy(), clock.now, random.random)


async def _deliver(dsn: str) -> float:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await _opened(stack, dsn)
        queue = InProcessQueue(clock)
        tools = Tools(
            store.batches, queue, Pace(clock), clock, SilentMeter(), Terms(), WorkerName("bench")
        )
        refs = await _planned(store)
        began = time.perf_counter()
        await queue.offer(refs)
        lanes = [_lane(tools, name) for name in KINDS]
        running = [asyncio.create_task(lane.run()) for lane in lanes for _ in range(IN_FLIGHT)]
        while await queue.depth():  # noqa: ASYNC110 - nobody tells that it is empty
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        await _ended(lanes, running)
        return seconds


def _lane(tools: Tools, name: str) -> Lane:
    channel, judge = CalledChannel(name, KINDS[name]), _judge(tools.clock)
    deliver = DeliverBatch(channel, tools.batches, judge, tools.clock, LEASE, lambda: False)
    return Lane(tools, {name: deliver}, Trouble(tools.clock), Doorbell())


async def _ended(lanes: Sequence[Lane], running: Sequence["asyncio.Task[None]"]) -> None:
    for lane in lanes:
        lane.stop()
    await asyncio.gather(*running)
