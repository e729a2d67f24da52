"""NATS loses what it had while much is queued, one node, all, or the stream: that costs a delay."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial, wraps
from pathlib import Path

import nats
from nats.js import JetStreamContext

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.deeds import STREAM, Deed, nats_of, stream_leader
from tests.faults.cluster.life import Life
from tests.faults.fault import CLUSTER, Fault, Rounds, Tally
from tests.faults.link import Call, Link
from tests.faults.load import BROADCAST, CROWD
from tests.faults.product import CHANNELS
from tests.support.nats import Node

QUEUED = 100_000
"""Deliveries; each broadcast brings at least as many as there are people, twice over."""
FEW = 2
"""Rounds, in CI."""
FEWER_QUEUED = 10_000
"""Where there are few rounds."""
RESUMES_SECONDS = 60.0
UNDER_WAY_SECONDS = 0.3


async def wipe_all_nodes(lived: Life) -> None:
    """As a power cut does where `sync_interval` is not `always`."""
    servers = nats_of(lived)
    for node in servers.nodes:
        node.kill()
    for node in servers.nodes:
        node.restart(wiped=True)
    await servers.healthy()


async def wipe_node(lived: Life) -> None:
    """Any of them: the others have everything."""
    await _wiped(lived, lived.rng.choice(nats_of(lived).nodes))


async def wipe_leader(lived: Life) -> None:
    """The node that leads the stream."""
    await _wiped(lived, await stream_leader(lived))


async def purge_stream(lived: Life) -> None:
    """While everything runs: all messages are gone, the stream stays."""
    async with _operator(lived) as streams:
        await streams.purge_stream(STREAM)


async def delete_stream(lived: Life) -> None:
    """While everything runs, with its consumers."""
    async with _operator(lived) as streams:
        await streams.delete_stream(STREAM)


WAYS: Sequence[Deed] = (wipe_all_nodes, wipe_node, wipe_leader, purge_stream, delete_stream)


async def _wiped(lived: Life, node: Node) -> None:
    """Until it has caught up: whoever wipes the next one before loses what two of three knew."""
    await asyncio.to_thread(node.restart, wiped=True)
    await nats_of(lived).healthy()


@asynccontextmanager
async def _operator(lived: Life) -> AsyncIterator[JetStreamContext]:
    """A connection that is nobody's of the product."""
    client = await nats.connect([node.address for node in nats_of(lived).nodes])
    try:
        yield client.jetstream()
    finally:
        await client.close()


def while_queued(way: Deed, queued: int) -> Deed:
    """Before anything of it was delivered, or while it is."""

    @wraps(way)
    async def wiped(lived: Life) -> None:
        await _switch(lived, "pause")
        await _broadcasts(lived, queued)
        if flowing := lived.rng.random() < 0.5:
            await _switch(lived, "resume")
            await asyncio.sleep(lived.rng.random() * UNDER_WAY_SECONDS)
        lived.counts["deliveries queued"] += await lived.witness.queued()
        await way(lived)
        if not flowing:
            await _switch(lived, "resume")
        await lived.resumed(way.__name__.replace("_", " "))

    return wiped


async def _broadcasts(lived: Life, queued: int) -> None:
    """Accepted in one go, and planned."""
    lines = [
        (BROADCAST, None, f"{lived.world.name} {lived.rng.getrandbits(64):016x}")
        for _ in range(-(-queued // (2 * CROWD)))
    ]
    key = lines[0][-1].replace(" ", "-")
    link = Link(lived.cluster.ports[0])
    await lived.world.send(link, lived.world.log.publish(lines, key, many=True))
    link.close()
    while await lived.witness.queued() < queued:  # noqa: ASYNC110 - another process plans
        await asyncio.sleep(0.05)


async def _switch(lived: Life, verb: str) -> None:
    link = Link(lived.cluster.ports[0])
    for channel in CHANNELS:
        answer = await link.ask(Call("POST", f"/v1/channels/{channel}/{verb}"))
        assert answer.status == 200, f"{verb} {channel} was answered {answer.status}"
    link.close()


async def run(root: Path, seed: int, rounds: int, lives: int = 1) -> Tally:
    """See `Run`."""
    queued = QUEUED if rounds > FEW else FEWER_QUEUED
    deck = [while_queued(way, queued) for way in WAYS]
    campaign = Campaign(deck, Queue.JETSTREAM, bound=RESUMES_SECONDS, lives=lives)
    return await campaign.run(root, seed, rounds)


FAULT = Fault(
    "cluster-wipe",
    "0 lost, 0 ghosts, 0 stuck, goes on by itself",
    Rounds(FEW, 20, 250),
    run,
    group=CLUSTER,
    side_by_side=lambda lives: partial(run, lives=lives),
)
