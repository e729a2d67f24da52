"""Real NATS servers for tests: one node or three, whose processes can be hurt one by one."""

import asyncio
import atexit
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.02


@dataclass
class Node:
    """One server: its data lies in `folder`, and it has the same ports when it comes back."""

    name: str
    folder: Path
    port: int
    routes: int
    monitor: int
    options: str = ""
    sync: str = "always"
    peers: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Come up; whoever needs it healthy waits for that himself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder.with_suffix(".conf")
        configuration.write_text(self._configuration())
        with self.folder.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                [_program(), "-c", configuration], stdout=log, stderr=log
            )

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(how)
                # A process that stands still ends of nothing else.
                self.process.send_signal(signal.SIGCONT)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Stand still, as a machine does that swaps or was suspended."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Everything it had; it must not be running."""
        assert self.process is None
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self, *, wiped: bool = False) -> None:
        self.kill()
        if wiped:
            self.wipe()
        self.start()

    def says(self, path: str) -> dict[str, object] | None:
        """What its monitoring answers; None while it does not."""
        try:
            with urlopen(f"http://127.0.0.1:{self.monitor}{path}", timeout=1) as answer:
                said: dict[str, object] = json.load(answer)
                return said
        except (OSError, HTTPException, ValueError):
            return None

    def healthy(self) -> bool:
        said = self.says("/healthz")
        return said is not None and said.get("status") == "ok"

    def _signal(self, what: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(what)

    def _configuration(self) -> str:
        lines = [
            f"server_name: {self.name}",
            f"listen: 127.0.0.1:{self.port}",
            f"http: 127.0.0.1:{self.monitor}",
        ]
        if self.sync != "off":
            lines.append(f'jetstream {{ store_dir: "{self.folder}", sync_interval: {self.sync} }}')
        if self.peers:
            routes = ", ".join(f"nats://127.0.0.1:{peer}" for peer in self.peers)
            listen = f"listen: 127.0.0.1:{self.routes}"
            # Clients know the servers that they were told, so that nobody goes round a proxy.
            lines.append(
                f"cluster {{ name: tests, {listen}, no_advertise: true, routes: [{routes}] }}"
            )
        return "\n".join([*lines, self.options, ""])


@dataclass
class Servers:
    """All nodes of one installation."""

    nodes: list[Node] = field(default_factory=list)

    @property
    def addresses(self) -> str:
        """As NOTEFLY_QUEUE has them."""
        return ",".join(node.address for node in self.nodes)

    def start(self) -> "Servers":
        for node in self.nodes:
            node.start()
        return self

    def end(self) -> None:
        for node in self.nodes:
            node.kill()

    def wait_until_healthy(self) -> None:
        """Every node that is running has caught up."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not all(node.healthy() for node in self.nodes if node.process is not None):
            assert time.monotonic() < end, f"NATS does not come up: {self.nodes[0].folder.parent}"
            time.sleep(LOOK_SECONDS)

    async def healthy(self) -> None:
        """The same, for whoever must go on meanwhile."""
        await asyncio.to_thread(self.wait_until_healthy)

    def leader_of(self, stream: str) -> Node:
        """Who leads a stream, once one of them knows."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (leader := self._leader_of(stream)) is None:
            assert time.monotonic() < end, f"nobody leads {stream}"
            time.sleep(LOOK_SECONDS)
        return leader

    def _leader_of(self, stream: str) -> Node | None:
        for node in self.nodes:
            said = node.process and node.says("/jsz?streams=true&accounts=true")
            for account in said.get("account_details", []) if said else []:  # type: ignore[attr-defined]
                for one in account.get("stream_detail", []):
                    leader = one.get("cluster", {}).get("leader")
                    if one["name"] == stream and (named := self._named(leader)) is not None:
                        return named
        return None

    def _named(self, name: str | None) -> Node | None:
        if len(self.nodes) == 1:
            return self.nodes[0]
        return next((node for node in self.nodes if node.name == name), None)


def servers(
    count: int, folder: Path, *, sync: str = "always", options: str = "", prefix: str = "node"
) -> Servers:
    """Not started yet. `sync`: as `sync_interval`, or `off` for no JetStream at all."""
    ports = free_ports(3 * count)
    routes = ports[count : 2 * count] if count > 1 else ()
    return Servers(
        [
            Node(
                f"{prefix}-{n + 1}",
                folder / f"{prefix}-{n + 1}",
                ports[n],
                ports[count + n],
                ports[2 * count + n],
                options,
                sync,
                routes,
            )
            for n in range(count)
        ]
    )


def free_ports(count: int) -> list[int]:
    """Outside the range that the system takes from by itself; others look for some elsewhere."""
    found: list[int] = []
    given = _given()
    first = random.randrange(18_000, 30_000)
    with ExitStack() as stack:
        for port in range(first, first + 2_000):
            if len(found) == count:
                break
            if port in given:
                continue
            bound = stack.enter_context(socket.socket())
            with suppress(OSError):
                bound.bind(("127.0.0.1", port))
                found.append(port)
    assert len(found) == count, "no free ports"
    given.update(found)
    return found


@cache
def _given() -> set[int]:
    """Never given twice by one process: whoever has a port may be down for a while."""
    return set()


@cache
def shared(count: int) -> Servers:
    """For all tests of this process; gone with it. Whoever hurts servers starts his own."""
    folder = Path(tempfile.mkdtemp(prefix="notefly-nats-"))
    started = servers(count, folder).start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(started.end)
    started.wait_until_healthy()
    return started


def _program() -> str:
    return shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
