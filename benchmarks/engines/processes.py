"""The product as it is deployed: brokers and workers in processes of their own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import asyncpg

from benchmarks.engines.population import used
from benchmarks.lines import document
from benchmarks.machine import ROOT
from tests.support.up import free_ports

STOP_SECONDS = 30
PATIENCE_SECONDS = 300
LOOK_SECONDS = 0.01
"""Between looks at a log of other processes, which tell nothing."""
RECORDED = "SELECT coalesce(sum(deliveries), 0) FROM tally"
COMMITS = "SELECT count(*), count(DISTINCT xmin::text) FROM delivery"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One broker that delivers nothing itself, and workers, on one database."""

    dsn: str
    workers: int = 2
    queue: Mapping[str, str] = field(default_factory=dict)
    """Settings of another queue than the store's own."""
    changes: Sequence[str] = ()
    """What is changed on purpose, see `changed.py`."""
    delivers: bool = False
    """Whether the broker delivers too."""

    @contextmanager
    def started(self) -> Iterator["Running"]:
        """All of them are ready; ended in order afterwards."""
        port = free_ports()[0]
        settings = {
            "NOTEFLY_STORE": self.dsn,
            "NOTEFLY_BROKER_PORT": str(port),
            "NOTEFLY_BROKER_DELIVERS": "1" if self.delivers else "0",
            **self.queue,
        }
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="notefly-")))
            stack.enter_context(process("broker", folder, settings, self.changes))
            workers = [
                stack.enter_context(process("worker", folder, settings, self.changes))
                for _ in range(self.workers)
            ]
            pids = [worker.pid for worker in workers]
            yield Running(f"http://127.0.0.1:{port}", port, self.dsn, folder, pids)


@dataclass(frozen=True, slots=True)
class Running:
    """Its address, and a look into its record."""

    url: str
    port: int
    dsn: str
    folder: Path
    workers: Sequence[int] = ()
    """The numbers of their processes."""

    def processor_seconds(self) -> float:
        """What the workers have used so far."""
        return sum(map(used, self.workers))

    def broadcast(self, category: str, rows: int) -> float:
        """Seconds from asking until the last of so many deliveries is committed."""
        return asyncio.run(self._broadcast(category, rows))

    async def _broadcast(self, category: str, rows: int) -> float:
        link = await asyncpg.connect(self.dsn)
        try:
            before = await link.fetchval(RECORDED)
            began = time.monotonic()
            publish(self.port, category)
            while await link.fetchval(RECORDED) < before + rows:
                assert time.monotonic() < began + PATIENCE_SECONDS, "the deliveries do not end"
                await asyncio.sleep(LOOK_SECONDS)
            return time.monotonic() - began
        finally:
            await link.close()

    def rows_per_commit(self) -> float:
        """Of all that was recorded."""

        async def ask() -> float:
            link = await asyncpg.connect(self.dsn)
            try:
                [(rows, commits)] = await link.fetch(COMMITS)
            finally:
                await link.close()
            return float(rows / commits)

        return asyncio.run(ask())


@contextmanager
def process(
    name: str, folder: Path, settings: Mapping[str, str], changes: Sequence[str] = ()
) -> Iterator["subprocess.Popen[str]"]:
    """`notefly broker` or `notefly worker`, from its first word to its end."""
    quiet = {"NOTEFLY_MOCKS": "0", "NOTEFLY_LOG_LEVEL": "error", "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "benchmarks.engines.changed", json.dumps(changes), name],
        cwd=folder,
        env={**os.environ, **quiet, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        assert line.startswith(name), f"{name} did not start: {line!r}"
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def publish(port: int, category: str) -> None:
    """One message, over HTTP."""
    line = HTTPConnection("127.0.0.1", port)
    line.request("POST", "/v1/messages", document(category), {"Content-Type": "application/json"})
    answer = line.getresponse()
    answer.read()
    assert answer.status == 202, answer.status
    line.close()
