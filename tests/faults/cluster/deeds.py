"""What is done to a cluster; each returns when it went on, or was given up."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from tests.cluster.proxy import Proxy
from tests.cluster.topology import BROKERS, WORKERS, Member
from tests.faults.checker import Finding, Kind
from tests.faults.cluster.life import Life
from tests.support.nats import Node, Servers

NOTICED_SECONDS = 1.0
"""At most, until who died is replaced."""
STOPPED_SECONDS = 13.0
"""Longer than a lease, and than a queue waits for a silent worker."""
PARTED_SECONDS = (1.0, 13.0)
STREAM = "NOTEFLY"
Deed = Callable[[Life], Awaitable[None]]


async def kill_worker(lived: Life) -> None:
    """It is replaced."""
    await _killed(lived, lived.cluster.members[lived.rng.choice(WORKERS)])


async def kill_broker(lived: Life) -> None:
    """It is replaced; its clients go to the other."""
    await _killed(lived, lived.cluster.members[lived.rng.choice(BROKERS)])


async def kill_channel(lived: Life) -> None:
    """The process that a worker keeps for a plug-in: that worker starts another one."""
    member = lived.cluster.members[lived.rng.choice(WORKERS)]
    assert member.life is not None
    channels = [pid for pid in member.life.everybody() if pid != member.life.pid]
    if channels:
        _signal(lived.rng.choice(channels), signal.SIGKILL)
    await lived.resumed(f"a channel of {member.name} was killed")
    if not member.alive:
        lived.findings.append(Finding(Kind.ERROR, f"{member.name} ended by itself"))


async def stop_worker(lived: Life) -> None:
    """The others take over; what it says later is too late."""
    await _stopped(lived, lived.cluster.members[lived.rng.choice(WORKERS)])


async def stop_broker(lived: Life) -> None:
    """Its clients go to the other."""
    await _stopped(lived, lived.cluster.members[lived.rng.choice(BROKERS)])


async def kill_nats_leader(lived: Life) -> None:
    """Of the stream."""
    await _killed_node(lived, await stream_leader(lived))


async def kill_nats_node(lived: Life) -> None:
    """Any of them."""
    await _killed_node(lived, lived.rng.choice(nats_of(lived).nodes))


async def stop_nats_leader(lived: Life) -> None:
    """The other two choose another one; its clients notice that it is silent."""
    await _stopped_node(lived, await stream_leader(lived))


async def stop_nats_node(lived: Life) -> None:
    """One that does not lead the stream, but may lead consumers, or have clients."""
    leader = await stream_leader(lived)
    others = [node for node in nats_of(lived).nodes if node is not leader]
    await _stopped_node(lived, lived.rng.choice(others))


async def kill_backend(lived: Life) -> None:
    """A crash of one makes PostgreSQL end them all, and recover."""
    pid = lived.rng.choice(await lived.cluster.postgres.backends())
    _signal(pid, signal.SIGKILL)
    await lived.resumed("a backend was killed")


async def stop_backend(lived: Life) -> None:
    """It keeps its locks, and no timeout of the server ends who does not run: others may wait.

    So nothing is promised until it goes on, or the server's operator kills it, which is the
    only way to be rid of it; then everything has to go on.
    """
    pid = lived.rng.choice(await lived.cluster.postgres.backends())
    killed = lived.rng.random() < 0.5
    _signal(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(STOPPED_SECONDS)
    finally:
        _signal(pid, signal.SIGKILL if killed else signal.SIGCONT)
    await lived.resumed(f"a backend stood still and was {'killed' if killed else 'continued'}")


async def stop_database(lived: Life) -> None:
    """The whole server stands still, as on a machine that is suspended; nobody is answered."""
    postgres = lived.cluster.postgres
    postgres.stop()
    try:
        await asyncio.sleep(STOPPED_SECONDS)
    finally:
        postgres.go_on()
    await lived.resumed("PostgreSQL stood still")


async def restart_database(lived: Life) -> None:
    """Without a checkpoint, so that it recovers."""
    await _restarted(lived, lived.cluster.postgres.end, "restarted")


async def kill_database(lived: Life) -> None:
    """Its first process, as the kernel's memory killer does; started again it recovers."""
    await _restarted(lived, lived.cluster.postgres.kill, "killed")


async def terminate_connections(lived: Life) -> None:
    """All of the product's at once, some times in a row."""
    for _ in range(lived.rng.randint(1, 3)):
        lived.counts["connections terminated"] += await lived.cluster.postgres.terminate()
        await asyncio.sleep(lived.rng.random() * 0.2)
    await lived.resumed("connections were terminated")


async def part_from_queue(lived: Life) -> None:
    """One worker, from all NATS servers."""
    worker, doors = _behind_doors(lived)
    await _parted(lived, worker, doors[1:], "NATS")


async def part_from_store(lived: Life) -> None:
    """One worker, from PostgreSQL."""
    worker, doors = _behind_doors(lived)
    await _parted(lived, worker, doors[:1], "PostgreSQL")


async def part_from_both(lived: Life) -> None:
    """One worker, from everything."""
    worker, doors = _behind_doors(lived)
    await _parted(lived, worker, doors, "both")


async def _restarted(lived: Life, end: Callable[[], None], what: str) -> None:
    await asyncio.to_thread(end)
    await asyncio.sleep(lived.rng.random() * NOTICED_SECONDS)
    await lived.cluster.postgres.start()
    await lived.resumed(f"PostgreSQL was {what}")


async def _meanwhile(lived: Life, what: str, lasts: float, ports: Sequence[int] = ()) -> None:
    """All goes on while it lasts, and it lasts so long at least."""
    began = time.monotonic()
    await lived.resumed(what, ports)
    await asyncio.sleep(max(0.0, began + lasts - time.monotonic()))


async def _killed(lived: Life, member: Member) -> None:
    orphans = await member.kill()
    lived.findings += [Finding(Kind.ORPHAN, orphan) for orphan in orphans]
    await asyncio.sleep(lived.rng.random() * NOTICED_SECONDS)
    member.start()
    await lived.resumed(f"{member.name} was killed")


async def _stopped(lived: Life, member: Member) -> None:
    """It alone, or its channels' processes with it; then others have to do its work."""
    channels = lived.rng.random() < 0.5
    others = [port for port in lived.cluster.ports if port != member.port]
    member.signal(signal.SIGSTOP, channels=channels)
    try:
        await _meanwhile(lived, f"{member.name} was stopped", STOPPED_SECONDS, others)
    finally:
        member.signal(signal.SIGCONT, channels=channels)
    await lived.resumed(f"{member.name} stood still")
    if not member.alive:
        lived.findings.append(Finding(Kind.ERROR, f"{member.name} ended by itself"))


async def _killed_node(lived: Life, node: Node) -> None:
    node.kill()
    await asyncio.sleep(lived.rng.random() * NOTICED_SECONDS)
    node.start()
    await lived.resumed(f"{node.name} was killed")


async def _stopped_node(lived: Life, node: Node) -> None:
    node.stop()
    try:
        await _meanwhile(lived, f"{node.name} was stopped", STOPPED_SECONDS)
    finally:
        node.go_on()
    await lived.resumed(f"{node.name} stood still")


async def _parted(lived: Life, worker: Member, doors: Sequence[Proxy], what: str) -> None:
    """Silence or resets; the others work meanwhile, and it does again when it heals."""
    frozen = lived.rng.random() < 0.5
    for door in doors:
        door.freeze() if frozen else door.cut()
    lasts = lived.rng.uniform(*PARTED_SECONDS)
    told = f"{worker.name} was parted from {what} by {'silence' if frozen else 'resets'}"
    try:
        await _meanwhile(lived, f"{told}, from its begin", lasts)
    finally:
        for door in doors:
            door.heal()
    await lived.resumed(told)
    if not worker.alive:
        lived.findings.append(Finding(Kind.ERROR, f"{worker.name} ended by itself"))


def _behind_doors(lived: Life) -> tuple[Member, Sequence[Proxy]]:
    worker = lived.cluster.members[lived.rng.choice(WORKERS)]
    assert worker.doors is not None
    return worker, worker.doors.every


async def stream_leader(lived: Life) -> Node:
    """Between two leaders there is none for a while: any of them, then."""
    nats = nats_of(lived)
    found = await asyncio.to_thread(nats.leader_of, STREAM)
    return lived.rng.choice(nats.nodes) if found is None else found


def nats_of(lived: Life) -> Servers:
    """The servers of the queue."""
    assert lived.cluster.nats is not None
    return lived.cluster.nats


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
