"""All NATS servers lose everything they had while much is queued: that costs a delay."""

import asyncio
from pathlib import Path

from tests.cluster.topology import Queue
from tests.faults.cluster.campaign import Campaign
from tests.faults.cluster.life import Life
from tests.faults.fault import CLUSTER, Fault, Rounds, Tally
from tests.faults.link import Call, Link
from tests.faults.load import BROADCAST, CROWD
from tests.faults.product import CHANNELS

QUEUED = 100_000
"""Deliveries; each broadcast brings at least as many as there are people, twice over."""
FEWER_QUEUED = 10_000
"""Where there is one round only."""
RESUMES_SECONDS = 60.0
UNDER_WAY_SECONDS = 0.3


async def wiped(lived: Life, queued: int) -> None:
    """Before anything of it was delivered, or while it is."""
    await _switch(lived, "pause")
    await _broadcasts(lived, queued)
    if flowing := lived.rng.random() < 0.5:
        await _switch(lived, "resume")
        await asyncio.sleep(lived.rng.random() * UNDER_WAY_SECONDS)
    lived.counts["deliveries queued"] += await lived.witness.queued()
    assert lived.cluster.nats is not None
    for node in lived.cluster.nats.nodes:
        node.kill()
    for node in lived.cluster.nats.nodes:
        node.restart(wiped=True)
    await lived.cluster.nats.healthy()
    if not flowing:
        await _switch(lived, "resume")
    await lived.resumed("NATS was wiped", bound=RESUMES_SECONDS)


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


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""

    async def wipe(lived: Life) -> None:
        await wiped(lived, QUEUED if rounds > 1 else FEWER_QUEUED)

    campaign = Campaign((wipe,), Queue.JETSTREAM, bound=RESUMES_SECONDS)
    return await campaign.run(root, seed, rounds)


FAULT = Fault(
    "cluster-wipe",
    "0 lost, 0 ghosts, 0 stuck, goes on by itself",
    Rounds(1, 10, 50),
    run,
    group=CLUSTER,
)
