"""The product as a process group of its own, that can be killed whole; Linux, without root."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from tests.faults.link import Call, Link, NoAnswer

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "plugin"
CHANNEL = "recorder"
CHANNELS = ("sms", "email", "push", CHANNEL)
START_SECONDS = 60.0
GONE_SECONDS = 10.0
STOP_SECONDS = 12.0
UP = ("-m", "notefly", "up")
BROKER = ("-m", "notefly", "broker")
SERVICES = {
    "broker": "-m notefly broker",
    "client": "-m notefly client",
    "channel": "channels.child",
}
"""What their command lines say."""


class NotReady(Exception):  # noqa: N818 - reads as what happened
    """The product did not come to where it should; says where its own words are."""


@dataclass(frozen=True, slots=True)
class Place:
    """Everything of one store: `data` belongs to the product, the rest to the witnesses."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> "Place":
        place = cls(root)
        place.witnesses.mkdir(parents=True)
        place.calls.touch()
        install_plugin(place.site)
        return place

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def store(self) -> Path:
        """The file that the product is working on."""
        return store_path(self.data)

    @property
    def witnesses(self) -> Path:
        return self.root / "witnesses"

    @property
    def calls(self) -> Path:
        return self.witnesses / "calls.log"

    @property
    def words(self) -> Path:
        """What the product printed."""
        return self.witnesses / "product.log"

    @property
    def site(self) -> Path:
        return self.witnesses / "site"

    def environment(self, ports: tuple[int, int], categories: Sequence[str]) -> dict[str, str]:
        """Nothing of the caller's own Notefly settings comes through."""
        kept = {name: v for name, v in os.environ.items() if not name.startswith("NOTEFLY_")}
        path = os.pathsep.join(map(str, (self.site, PLUGIN / "src", ROOT / "src", ROOT)))
        return kept | {
            "PYTHONPATH": path,
            "RECORDER_FILE": str(self.calls),
            "NOTEFLY_DATA_DIR": str(self.data),
            "NOTEFLY_BROKER_PORT": str(ports[0]),
            "NOTEFLY_CLIENT_PORT": str(ports[1]),
            "NOTEFLY_MOCKS": "0",
            "NOTEFLY_CATEGORIES": ",".join(categories),
            "NOTEFLY_CHANNELS": ",".join(CHANNELS),
        }


class Product:
    """One life of it, from start to kill."""

    def __init__(
        self,
        place: Place,
        categories: Sequence[str],
        command: Sequence[str] = UP,
        **extra: str,
    ) -> None:
        ports = free_ports()
        self.port, self.client_port = ports
        self._place = place
        with place.words.open("ab") as words:
            self._words_before = words.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", *command],
                cwd=place.witnesses,
                env=place.environment(ports, categories) | extra,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def processes(self, service: str) -> list[int]:
        """The ids of those that are one of SERVICES."""
        found = marked(self._mark)
        return [pid for pid, command in found.items() if SERVICES[service] in command]

    @property
    def status(self) -> int | None:
        """How it ended; None while it lives."""
        return self._process.poll()

    @property
    def words(self) -> bytes:
        """What it has printed in this life."""
        return self._place.words.read_bytes()[self._words_before :]

    async def ready(self) -> float:
        """Seconds until it took traffic. Raises NotReady."""
        started = time.monotonic()
        link = Link(self.port)
        while time.monotonic() - started < START_SECONDS and self.alive:
            try:
                if (await link.ask(Call("GET", "/readyz"))).status == 200:
                    link.close()
                    return time.monotonic() - started
            except NoAnswer:
                pass
            await asyncio.sleep(0.02)
        raise NotReady(f"the product did not start, see {self._place.words}")

    async def kill(self) -> list[str]:
        """Kill -9 of the whole group; what is alive after it should not be."""
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
        return await self._gone()

    async def gone_by_itself(self) -> list[str]:
        """Wait until it has killed itself, as a planted bug does. Raises NotReady."""
        try:
            await asyncio.to_thread(self._process.wait, START_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise NotReady(f"it never came to its end, see {self._place.words}") from error
        return await self._gone()

    async def stop(self) -> str:
        """As Ctrl-C or a service manager would; empty when all went well."""
        os.kill(self._process.pid, signal.SIGTERM)
        try:
            status = await asyncio.to_thread(self._process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            await self.kill()
            return f"SIGTERM did not end it within {STOP_SECONDS:g} s"
        left = await self._gone()
        return f"exit status {status} after SIGTERM" if status else "; ".join(left)

    @property
    def _mark(self) -> bytes:
        return f"RECORDER_FILE={self._place.calls}".encode()

    async def _gone(self) -> list[str]:
        """Everything that carries this store's mark ends with the group, or is an orphan."""
        await asyncio.to_thread(self._process.wait, GONE_SECONDS)
        deadline = time.monotonic() + GONE_SECONDS
        while (left := marked(self._mark)) and time.monotonic() < deadline:  # noqa: ASYNC110 - /proc is silent
            await asyncio.sleep(0.01)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return [f"process {pid} ({command}) outlived the group" for pid, command in left.items()]


def marked(mark: bytes) -> dict[int, str]:
    """Living processes with this in their environment, whatever group they moved to."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


def free_ports() -> tuple[int, int]:
    """Two that nobody has right now."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def install_plugin(site: Path) -> None:
    """The package of test channels as an installer would leave it, by its entry points."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    folder = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (folder / "METADATA").write_text(metadata)
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))


def copy_store(place: Place, to: Path) -> Path:
    """The dead store as it lies there; looking at the copy leaves recovery to the product."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for file in place.data.iterdir():
        if not file.name.endswith((".lock", "-shm")):
            shutil.copy2(file, to / file.name)
    return to
