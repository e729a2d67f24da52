"""Three NATS servers with JetStream that sync every write, each of them one process."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.process import GONE_SECONDS, START_SECONDS, NotReady

CONFIGURATION = """\
server_name: {name}
listen: 127.0.0.1:{port}
http: 127.0.0.1:{monitor}
jetstream {{ store_dir: "{store}", sync_interval: always }}
cluster {{
  name: notefly
  listen: 127.0.0.1:{route}
  # Clients know the servers that they were told, so that nobody goes round a proxy.
  no_advertise: true
  routes: [{routes}]
}}
"""


@dataclass
class Node:
    """One server."""

    name: str
    folder: Path
    port: int
    monitor: int
    route: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def write(self, routes: Sequence[int]) -> None:
        self.folder.mkdir()
        text = CONFIGURATION.format(
            name=self.name,
            port=self.port,
            monitor=self.monitor,
            store=self.store,
            route=self.route,
            routes=", ".join(f"nats://127.0.0.1:{port}" for port in routes),
        )
        (self.folder / "nats.conf").write_text(text)

    def start(self) -> None:
        program = Path(sys.executable).parent / "nats-server"
        with (self.folder / "words.log").open("ab") as words:
            self.process = subprocess.Popen(
                [program, "-c", self.folder / "nats.conf"],
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(GONE_SECONDS)

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}{path}", timeout=2) as answer:
            return json.load(answer)


class Nats:
    def __init__(self, ports: Sequence[int]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="notefly-nats-"))
        self.nodes = [
            Node(f"n{n}", self.folder / f"n{n}", ports[3 * n], ports[3 * n + 1], ports[3 * n + 2])
            for n in range(3)
        ]
        for node in self.nodes:
            node.write([other.route for other in self.nodes])

    async def start(self) -> None:
        for node in self.nodes:
            node.start()
        await self.ready()

    async def ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not await asyncio.to_thread(self._ready):
            if time.monotonic() > deadline:
                raise NotReady(f"NATS did not start, see {self.folder}")
            await asyncio.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return all(n.ask("/healthz")["status"] == "ok" for n in self.nodes) and any(
                n.ask("/jsz")["meta_cluster"].get("leader") for n in self.nodes
            )
        except (OSError, KeyError):
            return False

    def stream_leader(self) -> Node | None:
        for node in self.nodes:
            try:
                found = node.ask("/jsz?streams=1")
            except OSError:
                continue
            for account in found.get("account_details", ()):
                for stream in account.get("stream_detail", ()):
                    name = stream.get("cluster", {}).get("leader")
                    for one in self.nodes:
                        if one.name == name:
                            return one
        return None

    async def wipe(self) -> None:
        for node in self.nodes:
            node.kill()
            shutil.rmtree(node.store, ignore_errors=True)
        await self.start()

    def remove(self) -> None:
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
