"""Very few file handles, and very many connections that say nothing, or little; a round is one.

Some are silent, some never finish their headers, some their body, some open a stream and do not
read it, or a byte a second. Meanwhile others go on with their work, and it is their time that is
measured.
"""

import asyncio
import contextlib
import random
import shutil
import socket
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import percentile
from tests.faults.attack import CLOSED_SECONDS, GRACE_SECONDS, Attack, handles
from tests.faults.checker import Finding, Kind
from tests.faults.fault import Fault, Rounds, Tally
from tests.faults.link import Link, NoAnswer
from tests.faults.product import CHANNEL, Product
from tests.faults.siege import Siege
from tests.support.memory import MEBIBYTE, resident
from tests.support.yardstick import flushes

HANDLES = 64
SCRIPT = (
    f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({HANDLES}, {HANDLES})); "
    "from notefly.cli import main; main(['broker'])"
)
POOR = ("-c", SCRIPT)
CATEGORY = "goals"
QUIET_SECONDS = 4.0
CLIENTS = 4
THINK_SECONDS = 0.01
TRIES = 3
TIMES = 3.0
NOISE_SECONDS = 0.01
"""A p99 below it is the noise of a machine; so much is taken for it."""
STREAMS = 8
STREAM_BYTES = 200_000
STREAM_MESSAGES = 60
"""More than the kernel's buffers hold: from somewhere in them on nobody takes anything."""
MEMORY_BYTES = 20 * MEBIBYTE


async def _deaf(port: int) -> socket.socket:
    """A stream up to its first bytes, that nobody will read."""
    loop = asyncio.get_running_loop()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(0)
    await loop.sock_connect(connection, ("127.0.0.1", port))
    path = f"/sub?category={CATEGORY}"
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    await loop.sock_sendall(connection, head.encode())
    await loop.sock_recv(connection, 100)
    return connection


async def _drip(connection: socket.socket) -> None:
    """Take a byte a second of it, until it ends."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError):
        while await loop.sock_recv(connection, 1):  # noqa: ASYNC110 - the slowness is the point
            await asyncio.sleep(1)


async def _closed(connection: socket.socket) -> bool:
    """Whether the other side has hung up: behind what is buffered there is an end."""
    loop = asyncio.get_running_loop()
    with contextlib.closing(connection):
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                while await loop.sock_recv(connection, 1 << 20):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


@dataclass(slots=True)
class Work:
    """What the others do, half of it on a connection of its own each time."""

    siege: Siege
    port: int
    seconds: list[float] = field(default_factory=list)
    again: int = 0
    _number: int = 0

    async def during(self, attack: Awaitable[object]) -> float:
        """The p99 in seconds of what was done until that was over."""
        self.seconds.clear()
        over = asyncio.ensure_future(attack)
        await asyncio.gather(over, *(self._client(over, n % 2 == 0) for n in range(CLIENTS)))
        return percentile(self.seconds, 0.99)

    async def _client(self, over: "asyncio.Future[object]", anew: bool) -> None:
        link = Link(self.port)
        while not over.done():
            began = time.monotonic()
            await self._publish(link)
            self.seconds.append(time.monotonic() - began)
            if anew:
                link.close()
            await asyncio.sleep(THINK_SECONDS)
        link.close()

    async def _publish(self, link: Link) -> None:
        self._number += 1
        world = self.siege.world
        key = f"{world.name}-{self._number}"
        asked = world.log.publish([("all", None, key)], key)
        for attempt in range(TRIES):
            try:
                await world.log.send(link, asked)
            except NoAnswer as error:
                self.again += 1
                if attempt == TRIES - 1:
                    world.cut.append(str(error))
            else:
                return


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    siege = Siege.begin(root / "store", f"sockets-{seed}", POOR)
    product = Product(siege.place, ("all", CATEGORY), POOR, NOTEFLY_CHANNELS=CHANNEL)
    tally = Tally(rounds=rounds)
    try:
        await product.ready()
        with handles():
            await _attacked(siege, product, tally, random.Random(seed))
        await siege.drain()
        tally.findings += [Finding(Kind.UNANSWERED, one) for one in siege.world.cut]
        tally.findings += await siege.inspect(siege.place.data, drained=True)
        if words := await product.stop():
            tally.findings.append(Finding(Kind.ORPHAN, words))
    finally:
        await product.kill()
        siege.world.log.close()
    tally.counts.update(siege.counts)
    if not tally.findings:
        shutil.rmtree(siege.place.root)
    return tally


async def _attacked(siege: Siege, product: Product, tally: Tally, rng: random.Random) -> None:
    work, attack = Work(siege, product.port), Attack(product.port, rng)
    await work.during(asyncio.sleep(1))
    quiet = await work.during(asyncio.sleep(QUIET_SECONDS))
    streams = await _streams(siege, product)
    dripping = [asyncio.create_task(_drip(stream)) for stream in streams[::2]]
    before = resident(product.pid)
    waited = asyncio.ensure_future(asyncio.sleep(CLOSED_SECONDS))
    async with flushes(siege.place.root / "flushed") as flushed:
        under = await work.during(attack.run(tally.rounds))
    grown = resident(product.pid) - before
    await waited
    for drip in dripping:
        drip.cancel()
    await asyncio.gather(*dripping, return_exceptions=True)
    closed = sum([await _closed(stream) for stream in streams])
    tally.counts.update({f"sockets, {kind}": n for kind, n in sorted(attack.kinds.items())})
    tally.counts["sockets opened"] = attack.opened
    if attack.opened < tally.rounds:
        told = f"{attack.opened} sockets of {tally.rounds} were opened: {attack.refused}"
        tally.findings.append(Finding(Kind.ERROR, told))
    tally.counts["streams not read"] = STREAMS - len(dripping)
    tally.counts["streams read by a byte a second"] = len(dripping)
    tally.counts["asked again"] = work.again
    _bound(tally, "sockets open after 15 s", sum(t > CLOSED_SECONDS for t in attack.stayed), 0)
    _bound(tally, "streams open after 15 s", STREAMS - closed, 0)
    _quick(tally, quiet, under, percentile((one.took_seconds for one in flushed), 0.99))
    _bound(tally, "memory, MiB more", max(0, grown) / MEBIBYTE, MEMORY_BYTES / MEBIBYTE)
    tally.measured["longest stay, s"] = f"{max(attack.stayed, default=0.0):.1f}"


def _quick(tally: Tally, quiet: float, under: float, flush: float) -> None:
    """Good traffic's p99, without and under attack; and a flush's of the disk, under it."""
    least = max(quiet, NOISE_SECONDS, flush)
    _bound(tally, "p99 under attack, ms", under * 1e3, TIMES * least * 1e3)
    tally.measured["p99 without, ms"] = f"{quiet * 1e3:.1f}"
    tally.measured["p99 of a flush beside it, ms"] = f"{flush * 1e3:.1f}"


async def _streams(siege: Siege, product: Product) -> list[socket.socket]:
    """Open, and full to the brim."""
    streams = [await _deaf(product.port) for _ in range(STREAMS)]
    link = Link(product.port)
    for number in range(STREAM_MESSAGES):
        line = (CATEGORY, None, f"{siege.world.name} stream {number} " + "x" * STREAM_BYTES)
        await siege.world.log.send(link, siege.world.log.publish([line], None))
    link.close()
    return streams


def _bound(tally: Tally, name: str, found: float, most: float) -> None:
    """A line of the table, and a finding where it is broken."""
    tally.measured[name] = f"{found:.1f} (≤ {most:.1f})"
    if found > most:
        tally.findings.append(Finding(Kind.BOUND, f"{name}: {found:.1f}, and not {most:.1f}"))


FAULT = Fault(
    name="sockets",
    expected="closed ≤ 15 s, good traffic p99 ≤ 3 x, or a flush's, memory flat",
    rounds=Rounds(ci=400, short=2_000, long=10_000),
    run=run,
)
