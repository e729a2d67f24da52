"""The disk fills up while the product works, a broadcast included, and has room again later.

While it is full, publishing is refused with 503 and Retry-After, reading goes on, and nothing spins
or fills the log. With room everything drains by itself, without a restart.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.checker import Finding, Kind
from tests.faults.disk import LoopDisk, needs_loop
from tests.faults.failing_disk import install_shim
from tests.faults.fault import Counts, Fault, Rounds, Tally
from tests.faults.link import Answer, Call, Link, NoAnswer
from tests.faults.lives import campaign
from tests.faults.load import BROADCAST, CATEGORIES, Load
from tests.faults.powercut import BROKER, on_a_disk
from tests.faults.process import NotReady
from tests.faults.product import Product
from tests.faults.siege import Siege
from tests.faults.storage_bugs import SETTING as PLANTED

MEGABYTES = 48
SLACK_BYTES = 2 << 20
"""Left over by the filling from outside, at most; the product takes the rest by itself."""
LIVES = (2, 3)
BROADCASTS = 2
LOAD_SECONDS = (0.0, 0.6)
"""Before and after the filling, which therefore meets any stage of the broadcasts."""
LARGE, LINES_EACH = 4_000, 10
"""Characters of a message, and messages in a publish: not many are needed to fill what is left."""
OWN_PUBLISHES, PUBLISHES = 5, 600
"""Then the rest of the disk is taken from outside; and how many at most."""
UNAVAILABLE = 503
LOOKS = 5
WATCHED_SECONDS = 1.0
BUSY_SECONDS = 0.5
"""Of processor time in that second; waiting takes next to nothing, a busy loop all of it."""
LINES = 10
"""What one full disk is worth in the product's log."""
AGAIN_SECONDS = 15.0
NO_ROOM = b"the disk is full"


class Fullness:
    """One store on a small disk; see `Trial`."""

    def __init__(self, siege: Siege, disk: LoopDisk) -> None:
        self.siege = siege
        self.counts = Counts()
        self.planted = ""
        self._disk = disk
        self._filler = disk.path / "filler"

    async def round(self) -> list[Finding]:
        """Fill, look, make room, look again."""
        siege = self.siege
        siege.rounds += 1
        install_shim(siege.place.site)
        product = Product(siege.place, CATEGORIES, BROKER, **{PLANTED: self.planted})
        try:
            await siege.open(product)
            found = await self._filled(product)
            if siege.rng.random() < 0.3:
                self.counts["starts on a full disk"] += 1
                await product.kill()
                siege.world.log.crash()
                product, more = await self._restarted()
                found += more
            self._filler.unlink()
            found += await self._recovered(product)
        finally:
            self._filler.unlink(missing_ok=True)
            await product.kill()
            siege.world.log.tolerated.clear()
            siege.world.log.crash()
        return found

    async def _filled(self, product: Product) -> list[Finding]:
        """Under load, until a publish is refused; then what it looks like from outside."""
        siege = self.siege
        siege.world.log.tolerated += [UNAVAILABLE, 404]
        words = len(siege.place.words.read_bytes())
        load = Load(siege.world, product.port, f"{siege.world.name}/{siege.rounds}")
        running = asyncio.create_task(load.run())
        await self._broadcast(product.port)
        await asyncio.sleep(siege.rng.uniform(*LOAD_SECONDS))
        fill(self._filler, siege.rng.randrange(SLACK_BYTES))
        await asyncio.sleep(siege.rng.uniform(*LOAD_SECONDS))
        refused = await self._until_refused(product.port)
        load.stop()
        await running
        found = siege.unanswered() + self._of_refusal(refused)
        found += await self._while_full(product)
        said = siege.place.words.read_bytes()[words:].count(b"\n")
        if said > LINES:
            found.append(Finding(Kind.ERROR, f"{said} lines in the log of one full disk"))
        return found

    async def _broadcast(self, port: int) -> None:
        world = self.siege.world
        name = f"{world.name} broadcast {self.siege.rounds}"
        bodies = [f"{name}.{number}" for number in range(BROADCASTS)]
        await world.send_all(
            port,
            [
                world.log.publish([(BROADCAST, None, body)], body.replace(" ", "-"))
                for body in bodies
            ],
        )

    async def _until_refused(self, port: int) -> Answer | None:
        """What is left of the disk is taken, and the publish that found no room is given."""
        log, link = self.siege.world.log, Link(port)
        for number in range(PUBLISHES):
            if number >= OWN_PUBLISHES:
                fill(self._filler, 0)
            name = f"{self.siege.world.name} large {self.siege.rounds}.{number}"
            lines: list[tuple[str, str | None, str]] = [
                ("empty", None, f"{name}.{n} ".ljust(LARGE, "x")) for n in range(LINES_EACH)
            ]
            answer = await log.send(link, log.publish(lines, None, many=True))
            self.counts["publishes against a full disk"] += 1
            if answer.status == UNAVAILABLE:
                link.close()
                return answer
        link.close()
        return None

    def _of_refusal(self, refused: Answer | None) -> list[Finding]:
        if refused is None:
            return [Finding(Kind.ERROR, f"{PUBLISHES} publishes to a full disk, none was refused")]
        self.counts["disks full"] += 1
        wanted = {"content-type": "application/problem+json"}
        if refused.headers.items() >= wanted.items() and refused.headers.get("retry-after"):
            return []
        return [Finding(Kind.ERROR, f"the refusal's headers are {refused.headers}")]

    async def _while_full(self, product: Product) -> list[Finding]:
        """Reading works, probes tell the truth, and nobody is busy with nothing."""
        found, link = [], Link(product.port)
        for path in ("/healthz", "/v1/messages"):
            answer = await link.ask(Call("GET", path))
            if answer.status != 200:
                found.append(Finding(Kind.ERROR, f"GET {path} on a full disk: {answer.status}"))
        if not await self._told(link, product.port):
            found.append(Finding(Kind.ERROR, "a full disk, and /readyz never said so"))
        before = processor_seconds(product)
        await asyncio.sleep(WATCHED_SECONDS)
        link.close()
        busy = processor_seconds(product) - before
        if busy > BUSY_SECONDS:
            told = f"{busy:.2f} s of processor in {WATCHED_SECONDS:g} s on a full disk"
            found.append(Finding(Kind.ERROR, told))
        return found

    async def _told(self, link: Link, port: int) -> bool:
        """A checkpoint may have made room in the WAL since the refusal; then it is ready again."""
        for _ in range(LOOKS):
            if (await link.ask(Call("GET", "/readyz"))).status == UNAVAILABLE:
                return True
            await self._until_refused(port)
        return False

    async def _restarted(self) -> tuple[Product, list[Finding]]:
        """Started on a full disk it works, or it ends and says why."""
        product = Product(self.siege.place, CATEGORIES, BROKER)
        link = Link(product.port)
        deadline = asyncio.get_running_loop().time() + AGAIN_SECONDS
        while product.alive and asyncio.get_running_loop().time() < deadline:
            try:
                await link.ask(Call("GET", "/healthz"))
            except NoAnswer:
                await asyncio.sleep(0.05)
            else:
                return product, []
        status = product.status
        left = await product.kill()
        found = [Finding(Kind.ORPHAN, orphan) for orphan in left]
        if status != 1 or NO_ROOM not in product.words:
            told = f"the start on a full disk ended with status {status}"
            found.append(Finding(Kind.ERROR, told))
        self.counts["starts refused"] += 1
        # As whoever made room would do.
        self._filler.unlink()
        product = Product(self.siege.place, CATEGORIES, BROKER)
        self._filler.touch()
        return product, found

    async def _recovered(self, product: Product) -> list[Finding]:
        """By itself: ready again, everything ended, nothing lost."""
        siege = self.siege
        try:
            async with asyncio.timeout(AGAIN_SECONDS):
                await product.ready()
        except (TimeoutError, NotReady) as error:
            return [Finding(Kind.STUCK, f"there is room again, and it is not ready: {error!r}")]
        siege.world.log.tolerated.clear()
        await siege.world.settle(product.port, siege.rng)
        await siege.drain()
        return siege.unanswered() + await siege.inspect(siege.place.data, drained=True)


def fill(filler: Path, slack: int) -> None:
    """All free blocks but those; what is freed meanwhile is taken by the next call."""
    free = os.statvfs(filler.parent)
    wanted = free.f_bavail * free.f_bsize - slack
    with filler.open("ab") as file:
        size = file.tell()
        while wanted >= free.f_bsize:
            try:
                os.posix_fallocate(file.fileno(), size, wanted)
            except OSError:
                wanted //= 2
            else:
                size += wanted
                wanted = 0


def processor_seconds(product: Product) -> float:
    """Of the broker itself."""
    fields = Path(f"/proc/{product.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def small_disk(root: Path, name: str) -> Iterator[Fullness]:
    with on_a_disk(root, name, MEGABYTES) as (siege, disk):
        yield Fullness(siege, disk)


async def run(root: Path, seed: int, rounds: int) -> Tally:
    """See `Run`."""
    return await campaign(root, seed, rounds, small_disk, LIVES)


FAULT = Fault(
    name="disk-full",
    expected="503 with Retry-After, never 202; drains by itself once there is room",
    rounds=Rounds(ci=2, short=10, long=100),
    run=run,
    needs=needs_loop,
)
