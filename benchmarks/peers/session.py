"""One contender, running: its servers, its worker, its publishers, and the count of its calls."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.peers import noop, processes
from benchmarks.peers.contender import Contender
from benchmarks.peers.environments import environment
from benchmarks.peers.record import NoteflyRecord, PeerRecord, Record
from benchmarks.peers.servers import STARTS
from benchmarks.peers.work import CHANNELS, Lot, Witness
from notefly.adapters.sqlite.connection import store_path
from tests.support.nats import free_ports

PLACES = 64_000_000
FEW = 10
START_SECONDS = 40
LOOK_SECONDS = 0.005
"""Between looks at processes that do not say when they are done."""
BLOCK = 20_000


class TooSlow(Exception):  # noqa: N818 - reads as what happened
    """Something did not come to its end in the time that it had."""


class Publisher:
    """A process that publishes what it is told, one line after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.answer(START_SECONDS)

    def tell(self, lots: Sequence[Lot]) -> None:
        """Begin to publish."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(lots) + "\n")
        self.process.stdin.flush()

    def answer(self, seconds: float) -> None:
        """Until it has published what it was told. Raises TooSlow."""
        try:
            said = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise TooSlow(f"nothing published within {seconds:g} s") from None
        if not said:
            raise TooSlow("the publisher ended by itself")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self._answers.put(line)
        self._answers.put("")


class Session:
    """From its start to its end nothing else is measured."""

    def __init__(self, contender: Contender, folder: Path, stack: ExitStack) -> None:
        self.contender = contender
        self._folder = folder
        self._stack = stack
        self._servers: list[int] = []
        self._next = 0
        self._called_until = 0
        self.witness = Witness.make(folder / "witness", PLACES)
        self._environ, self.record = self._surroundings()
        self._python = str(environment(contender.environment) if contender.environment else "")
        self._run("prepare")
        self.worker = self._start_worker()
        self.publisher = self.another_publisher()
        self._warm_up()

    def _surroundings(self) -> tuple[dict[str, str], Record]:
        """What the adapter is given, and where it is read what became of it."""
        contender, folder = self.contender, self._folder
        address = ""
        if contender.server is not None:
            server = self._stack.enter_context(STARTS[contender.server](folder))
            self._servers.append(server.pid)
            address = server.url
        log = address if contender.log == "postgres" else str(folder / "log.db")
        record: Record = PeerRecord(log)
        path = [str(ROOT)]
        if contender.log == "notefly":
            address = str(free_ports(1)[0])
            record = NoteflyRecord(store_path(folder))
            path.append(str(noop.install(folder)))
        environ = os.environ | {
            "PEER_FORM": contender.form,
            "PEER_QUEUE": address,
            "PEER_LOG": log,
            "PEER_FOLDER": str(folder),
            "PEER_WITNESS": str(folder / "witness"),
            "PYTHONPATH": os.pathsep.join(path),
        }
        return environ, record

    def processes(self) -> list[int]:
        """The roots of all that belongs to it, the servers and publishers included."""
        roots = [self.publisher.process.pid, *self._servers]
        return roots if self.worker is None else [self.worker.pid, *roots]

    def allot(self, people: int) -> Lot:
        """A new message to so many."""
        lot = Lot(self._next, 0, people)
        self._next += lot.size
        assert self._next <= PLACES, "the witness is full: let runs be shorter"
        return lot

    @property
    def first_free(self) -> int:
        """The next message's place: what is counted from here on is new."""
        return self._next

    def witnessed(self, lot: Lot) -> bool:
        """Whether this message is through."""
        if self.contender.form == "set-based":
            return self.record.rows(lot.message) >= lot.size
        return self.witness.called(lot.message, lot.message + lot.size) == lot.size

    def done(self, first: int) -> int:
        """Deliveries from this message on that were made, as far as that can be seen cheaply."""
        if self.contender.form == "set-based":
            return self.record.rows(first)
        at = max(self._called_until, first)
        while at + BLOCK <= self._next and self.witness.called(at, at + BLOCK) == BLOCK:
            at += BLOCK
        self._called_until = at
        return at - first + self.witness.called(at, self._next)

    def logged(self, first: int) -> int:
        """Deliveries whose record is durable; the calls, where a contender keeps no record."""
        return self.done(first) if self.contender.log == "none" else self.record.rows(first)

    def wait(self, first: int, deliveries: int, seconds: float) -> bool:
        """Until so many are made; False when the time is over before."""
        end = time.monotonic() + seconds
        while self.done(first) < deliveries:
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def wait_logged(self, first: int, deliveries: int, seconds: float) -> float | None:
        """When so many were recorded, by the look that found them; None: not in that time."""
        end = time.monotonic() + seconds
        self.wait(first, deliveries, seconds)
        while (now := time.monotonic()) < end:
            if self.logged(first) >= deliveries:
                return now
            time.sleep(LOOK_SECONDS)
        return None

    def kill(self) -> None:
        """The worker and all its children at once, as `kill -9` and the kernel's OOM killer do."""
        victim = self.worker or self.publisher.process
        processes.kill([victim.pid])
        victim.wait()

    def restart(self) -> None:
        """What a supervisor does."""
        self.worker = self._start_worker()
        self.publisher = self.another_publisher()

    def another_publisher(self) -> Publisher:
        return Publisher(self._start("publish"))

    def end(self) -> None:
        started = [self.publisher.process, *([self.worker] if self.worker else [])]
        processes.kill([process.pid for process in started])
        for process in started:
            process.wait()

    def _start_worker(self) -> "subprocess.Popen[str] | None":
        return self._start("work") if self.contender.worker else None

    def _start(self, verb: str) -> "subprocess.Popen[str]":
        words = self._stack.enter_context((self._folder / f"{verb}.log").open("a"))
        process = subprocess.Popen(
            self._command(verb),
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.PIPE if verb == "publish" else subprocess.DEVNULL,
            stdout=subprocess.PIPE if verb == "publish" else words,
            stderr=words,
            text=True,
        )
        self._stack.callback(_end, process)
        return process

    def _run(self, verb: str) -> None:
        done = subprocess.run(
            self._command(verb),
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode:
            raise TooSlow(f"{verb} failed: {done.stderr[-300:]}")

    def _command(self, verb: str) -> list[str]:
        python = self._python or sys.executable
        return [python, "-P", "-m", "benchmarks.peers.driving", self.contender.adapter, verb]

    def _warm_up(self) -> None:
        lot = self.allot(FEW)
        self.publisher.tell([lot])
        if self.wait_logged(lot.message, FEW * CHANNELS, START_SECONDS) is None:
            raise TooSlow(f"nothing delivered within {START_SECONDS} s: {self._last_words()}")
        self.publisher.answer(START_SECONDS)

    def _last_words(self) -> str:
        said = [self._folder / f"{verb}.log" for verb in ("publish", "work")]
        return " ".join(log.read_text()[-300:] for log in said if log.exists())


@contextmanager
def session(contender: Contender) -> Iterator[Session]:
    """Ready, and warmed up by one small message; all of it is gone afterwards."""
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="notefly-peer-"))
        folder = Path(name)
        folder.chmod(0o755)
        running = Session(contender, folder, stack)
        stack.callback(running.end)
        yield running


def _end(process: "subprocess.Popen[Any]") -> None:
    with suppress(ProcessLookupError):
        processes.kill([process.pid])
    process.wait()
