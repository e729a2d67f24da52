"""A measured process, as the parent sees it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.composition import Order
from benchmarks.machine import ROOT
from notefly.adapters.sqlite.connection import open_reader, store_path

STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Served:
    """Its address, and a line to it."""

    process: "subprocess.Popen[str]"
    url: str
    folder: Path

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def ask(self, do: str, **what: Any) -> dict[str, Any]:
        """See `serve.Driver`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def value(self, sql: str) -> Any:
        """One value from the store, read from outside."""
        connection = open_reader(str(store_path(self.folder)))
        try:
            return next(iter(connection.execute(sql)))[0]
        finally:
            connection.close()


@contextmanager
def served(order: Order) -> Iterator[Served]:
    """Started, ready, and ended in order."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serve", json.dumps(asdict(order))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the measured process did not start"
        yield Served(process, url, Path(order.data_dir))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
