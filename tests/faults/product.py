"""The product as a process group of its own, that can be killed whole; Linux, without root."""

import os
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from notefly.adapters.sqlite.connection import store_path
from tests.faults.process import Running, ready
from tests.support.up import free_ports

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "plugin"
CHANNEL = "recorder"
CHANNELS = ("sms", "email", "push", CHANNEL)
UP = ("-m", "notefly", "up")
BROKER = ("-m", "notefly", "broker")
SERVICES = {
    "broker": "-m notefly broker",
    "client": "-m notefly client",
    "channel": "channels.child",
}
"""What their command lines say."""


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


class Product(Running):
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
        super().__init__(
            command,
            mark=("RECORDER_FILE", str(place.calls)),
            words=place.words,
            environment=place.environment(ports, categories) | extra,
        )

    def processes(self, service: str) -> list[int]:
        """The ids of those that are one of SERVICES."""
        return [pid for pid, command in self.everybody().items() if SERVICES[service] in command]

    async def ready(self) -> float:
        """Seconds until it took traffic. Raises NotReady."""
        return await ready(self, self.port)


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
