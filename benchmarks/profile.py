"""`python -m benchmarks.profile`: a flame graph of the broker while it does one kind of work.

py-spy samples it from outside, so that what is measured is not changed by it; the processes of
plug-ins are in the graph too. Written to `benchmarks/profiles/`, which git ignores.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.bench import BROADCAST_ROWS, CROWD, SPORTS
from benchmarks.composition import Order
from benchmarks.lines import ndjson
from benchmarks.load import press
from benchmarks.population import Workshop
from benchmarks.served import Served, served
from benchmarks.together import client, ended

FOLDER = Path(__file__).parent / "profiles"
FORMATS = {"flamegraph": "svg", "speedscope": "json", "raw": "txt"}
PER_SECOND = 200
ATTACH_SECONDS = 2.0
"""Until py-spy looks: it does not tell, and what comes before would be missing in the graph."""
LINES = 10_000


@dataclass(frozen=True, slots=True)
class Scene:
    """What the broker is made to do, and how it is made."""

    work: Callable[[Served, float], None]
    order: dict[str, Any]
    crowd: bool = True
    """Whether half a million people are subscribed."""


def broadcasts(broker: Served, seconds: float) -> None:
    """Back to back."""
    broker.ask("storm", category=SPORTS.category, rows=BROADCAST_ROWS, seconds=seconds)


def publishes(broker: Served, seconds: float) -> None:
    """64 connections; nobody is subscribed."""
    press(broker.url, seconds)


def together(broker: Served, seconds: float) -> None:
    """Broadcasts back to back, and 100 small messages a second beside them."""
    publishing = client(broker, seconds, seed=1)
    broadcasts(broker, seconds)
    ended(broker, publishing)


def lots(broker: Served, seconds: float) -> None:
    """NDJSON, one request after the other."""
    line = HTTPConnection("127.0.0.1", broker.port)
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        headers = {"Content-Type": "application/x-ndjson"}
        line.request("POST", "/v1/messages", ndjson(LINES, "sports"), headers)
        answer = line.getresponse()
        assert answer.status == 202, answer.read()
        answer.read()


SCENES = {
    "broadcast": Scene(broadcasts, {}),
    "called": Scene(broadcasts, {"channels": "called"}),
    "hosted": Scene(broadcasts, {"channels": "hosted"}),
    "publish": Scene(publishes, {}, crowd=False),
    "together": Scene(together, {}),
    "ndjson": Scene(lots, {}, crowd=False),
}


def main() -> None:
    asked = _arguments()
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="notefly-profile-") as folder:
        for name in asked.scenes or SCENES:
            path = FOLDER / f"{name}.{FORMATS[asked.format]}"
            _profile(Workshop(Path(folder)), SCENES[name], path, asked)
            print(path, flush=True)


def _profile(shop: Workshop, scene: Scene, path: Path, asked: argparse.Namespace) -> None:
    order = Order("", **scene.order)
    template = shop.template(order.channels, order, CROWD) if scene.crowd else None
    with (
        shop.fresh(template) as folder,
        served(Order(str(folder), **scene.order)) as broker,
        _sampled(asked, broker.process.pid, path),
    ):
        scene.work(broker, asked.seconds)


@contextmanager
def _sampled(asked: argparse.Namespace, pid: int, path: Path) -> Iterator[None]:
    command = [asked.py_spy, "record", "--pid", str(pid), "--output", str(path)]
    command += ["--format", asked.format, "--rate", str(PER_SECOND), "--duration", "unlimited"]
    command += ["--threads", "--subprocesses", *(["--gil"] if asked.gil else [])]
    spy = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(ATTACH_SECONDS)
    if spy.poll() is not None:
        sys.exit(f"{spy.communicate()[0]}py-spy may not look into another process: be root for it")
    try:
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        spy.communicate()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[[], *SCENES], help="all, without any")
    parser.add_argument("--seconds", type=float, default=10.0, help="of work, each")
    parser.add_argument("--format", choices=FORMATS, default="flamegraph")
    parser.add_argument("--gil", action="store_true", help="only who holds the interpreter's lock")
    parser.add_argument("--py-spy", default=shutil.which("py-spy") or "py-spy")
    return parser.parse_args()


if __name__ == "__main__":
    main()
