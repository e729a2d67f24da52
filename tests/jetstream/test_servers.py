"""What happens to servers, and to the work meanwhile."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from notefly.adapters.jetstream.link import open_link
from notefly.adapters.jetstream.wakeups import NatsWakeups
from notefly.domain.batch import BatchRef
from notefly.domain.errors import Unavailable
from notefly.ports.wakeups import Topic
from notefly.ports.work_queue import WorkQueue
from tests.contract.queueing import keys, ref
from tests.jetstream.conftest import FORGETFUL, PATIENCE_SECONDS, opens
from tests.support.nats import Servers, servers

pytestmark = [pytest.mark.engines, FORGETFUL]


async def test_what_was_offered_is_kept_once_after_a_restart(node: Servers, name: str) -> None:
    refs = [ref(n) for n in range(1, 101)]
    async with opens(node, 1, name)() as one:
        await one.queue.offer(refs)
        await asyncio.to_thread(node.nodes[0].restart)
        assert await one.take_all(100) == list(range(1, 101))
        await one.queue.ack(keys(*range(1, 51)))
        await one.queue.offer(refs[50:])
        assert await one.queue.depth() == 50


async def test_a_node_that_lost_everything_is_filled_again_by_an_offer(
    node: Servers, name: str
) -> None:
    async with opens(node, 1, name)() as one:
        await one.queue.offer([ref(n) for n in range(1, 101)])
        await one.take()
        await asyncio.to_thread(node.nodes[0].restart, wiped=True)
        waiting = asyncio.ensure_future(one.take())
        await offered_at_last(one.queue, [ref(1_000)])
        assert await waiting == [1_000]


async def test_what_could_not_be_offered_comes_when_the_server_is_back(
    node: Servers, name: str
) -> None:
    async with opens(node, 1, name)(ack_wait=0.3) as one:
        node.nodes[0].kill()
        with pytest.raises(Unavailable):
            await one.queue.offer([ref(1)])
        with pytest.raises(Unavailable):
            await one.queue.ready()
        waiting = asyncio.ensure_future(one.take())
        node.nodes[0].start()
        assert await waiting == [1]
        await one.queue.ready()


@pytest.mark.timeout(120)
async def test_the_leader_of_the_stream_is_killed_and_the_work_goes_on(
    cluster: Servers, name: str
) -> None:
    async with opens(cluster, 3, name)() as one, opens(cluster, 3, name)() as other:
        await offered_at_last(one.queue, [ref(n) for n in range(1, 51)])
        before = await one.take(rows=10)
        leader = await asyncio.to_thread(cluster.leader_of, name)
        leader.kill()
        waiting = asyncio.ensure_future(one.take_all(51 - len(before)))
        await offered_at_last(other.queue, [ref(51)])
        assert sorted(before + await waiting) == list(range(1, 52))


@pytest.mark.timeout(120)
async def test_five_nodes_go_on_without_two_of_them(tmp_path: Path, name: str) -> None:
    """The leader first, then whoever leads after it; both come back to what they missed."""
    five = servers(5, tmp_path).start()
    try:
        await five.healthy()
        async with opens(five, 5, name)() as one, opens(five, 5, name)() as other:
            refs = [ref(n) for n in range(1, 101)]
            await offered_at_last(one.queue, refs[:50])
            before = await one.take(rows=10)
            while sum(node.process is None for node in five.nodes) < 2:
                (await asyncio.to_thread(five.leader_of, name)).kill()
            waiting = asyncio.ensure_future(one.take_all(100 - len(before)))
            await offered_at_last(other.queue, refs[50:])
            assert sorted(before + await waiting) == list(range(1, 101))
            for node in five.nodes:
                if node.process is None:
                    node.start()
            await five.healthy()
            await one.queue.ack(keys(*range(1, 101)))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await one.queue.depth():
                    # The nodes agree at their pace; an ack that nobody led to hear comes again.
                    with suppress(TimeoutError):
                        again = await asyncio.wait_for(one.take(rows=100), 1.0)
                        await one.queue.ack(keys(*again))
    finally:
        five.end()


@pytest.mark.timeout(120)
async def test_a_node_that_is_suspended_is_left_for_another(cluster: Servers, name: str) -> None:
    async with opens(cluster, 3, name)() as one:
        await offered_at_last(one.queue, [ref(1)])
        await one.queue.nack(keys(*await one.take()), 0)
        url = one.link.client.connected_url
        assert url is not None
        mine = next(node for node in cluster.nodes if node.port == url.port)
        mine.stop()
        assert await one.take() == [1]


async def test_after_an_absence_all_topics_are_rung(node: Servers) -> None:
    heard: list[Topic] = []
    back = asyncio.Event()

    def hear(topic: Topic) -> None:
        heard.append(topic)
        if len(heard) == len(Topic):
            back.set()

    async with open_link(node.addresses, monitoring_port=node.nodes[0].monitor) as link:
        wakeups = NatsWakeups(link)
        for topic in Topic:
            wakeups.listen(topic, lambda topic=topic: hear(topic))  # type: ignore[misc]
        await asyncio.to_thread(node.nodes[0].restart)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await back.wait()
        assert heard == list(Topic)


async def test_what_is_rung_often_is_heard_a_few_times(node: Servers) -> None:
    heard: list[Topic] = []
    last = asyncio.Event()
    monitor = node.nodes[0].monitor
    async with (
        open_link(node.addresses, monitoring_port=monitor) as mine,
        open_link(node.addresses, monitoring_port=monitor) as theirs,
    ):
        rings, ears = NatsWakeups(mine), NatsWakeups(theirs)
        ears.listen(Topic.OFFERED, lambda: heard.append(Topic.OFFERED))
        ears.listen(Topic.SWITCHED, last.set)
        await theirs.streams().account_info()
        for _ in range(1_000):
            rings.ring(Topic.OFFERED)
        rings.ring(Topic.SWITCHED)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await last.wait()
    assert heard == [Topic.OFFERED]


async def offered_at_last(queue: WorkQueue, refs: Sequence[BatchRef]) -> None:
    """As whoever looks after the queue does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await queue.offer(refs)
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return
