"""The process that reads very many event streams (`listeners.py`), as the parent sees it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from benchmarks.machine import ROOT, proportional_bytes
from benchmarks.served import Served

PATIENCE_SECONDS = 60.0


class Audience:
    """All of them are open once it is made."""

    def __init__(self, broker: Served, streams: int) -> None:
        self.streams = streams
        self._server = broker.process.pid
        self._idle = proportional_bytes(self._server)
        command = [sys.executable, "-m", "benchmarks.listeners"]
        asked = json.dumps({"url": broker.url, "streams": streams})
        self._process = subprocess.Popen([*command, asked], cwd=ROOT, stdout=subprocess.PIPE)
        self._told: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        opened = self._line()
        assert opened == streams, opened

    def heard(self) -> tuple[float, float]:
        """When the first and when the last had the next event."""
        first, last = self._line()
        return first, last

    def kilobytes(self) -> float:
        """Of memory, that the server takes for each more than before."""
        return (proportional_bytes(self._server) - self._idle) / self.streams / 1e3

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> Any:
        try:
            return json.loads(self._told.get(timeout=PATIENCE_SECONDS))
        except Empty:
            raise TimeoutError("an event did not reach every stream") from None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(line)


@contextmanager
def listening(broker: Served, streams: int) -> Iterator[Audience]:
    """For as long as the block lasts."""
    audience = Audience(broker, streams)
    try:
        yield audience
    finally:
        audience.stop()
