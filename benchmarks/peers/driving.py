"""How the harness drives an adapter: `python -m benchmarks.peers.driving NAME VERB`.

It runs in the peer's own environment. The standard library only, as in `work.py`.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import closing
from sqlite3 import Connection, connect
from typing import Protocol

from benchmarks.peers.work import Lot

FORM = os.environ.get("PEER_FORM", "each")
BATCHED = FORM == "batched"
"""Whether one task fans out to many; else one task is one delivery."""
QUEUE = os.environ.get("PEER_QUEUE", "")
LOG = os.environ.get("PEER_LOG", "")
FOLDER = os.environ.get("PEER_FOLDER", ".")
Delivery = tuple[int, int, int]

SCHEMA = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY, message INTEGER NOT NULL, subscriber INTEGER NOT NULL,
    channel INTEGER NOT NULL, state TEXT NOT NULL, at REAL NOT NULL
)
"""
CROWD = 10_000
PEOPLE = "CREATE TABLE subscriber (id INTEGER PRIMARY KEY, address TEXT NOT NULL)"
PERSON = "INSERT INTO subscriber (id, address) VALUES (?, ?)"
RANGE = "SELECT id, address FROM subscriber WHERE id >= ? AND id < ?"
INSERT = "INSERT INTO log (message, subscriber, channel, state, at) VALUES (?, ?, ?, ?, ?)"


class Adapter(Protocol):
    """A module. All it may assume is the environment that the harness gave it."""

    def prepare(self) -> None:
        """Make what has to be there before anything runs: tables, streams."""
        ...

    def publish(self, lots: Sequence[Lot]) -> Awaitable[None] | None:
        """Return when everything is in the queue, as safe as the peer makes it."""
        ...

    def work(self) -> None:
        """Become the worker, as the peer's documentation starts it; never returns."""
        ...


def main() -> None:
    """What was asked for on the command line."""
    _, name, verb = sys.argv
    adapter: Adapter = importlib.import_module(f"benchmarks.peers.adapters.{name}")
    if verb == "publish":
        _listen(adapter)
    else:
        getattr(adapter, verb)()


def become(*command: str) -> None:
    """A command of the peer's own, in the environment that this interpreter belongs to."""
    program = os.path.join(os.path.dirname(sys.executable), command[0])  # noqa: PTH118, PTH120
    os.execv(program, [program, *command[1:]])  # noqa: S606 - replaced by it, on purpose


def _listen(adapter: Adapter) -> None:
    """One line of lots after another, each answered when it was published."""
    loop = asyncio.new_event_loop()
    print("{}", flush=True)
    for line in sys.stdin:
        found = adapter.publish([Lot(*lot) for lot in json.loads(line)])
        if inspect.isawaitable(found):
            loop.run_until_complete(found)
        print(json.dumps({"at": time.time()}), flush=True)


def tasks(lots: Iterable[Lot]) -> Iterator[Delivery]:
    """What each task is given: a part of a lot, or one delivery."""
    for lot in lots:
        yield from lot.parts() if BATCHED else lot.deliveries()


def everybody() -> list[tuple[int, str]]:
    """Who can be written to; a task that fans out looks its people up among them."""
    return [(number, f"p{number}@example.com") for number in range(CROWD)]


def rows(deliveries: Iterable[Delivery]) -> list[tuple[int, int, int, str, float]]:
    """As they go into the log."""
    now = time.time()
    return [(*delivery, "delivered", now) for delivery in deliveries]


class SqliteLog:
    """A log in a file, as durable as Notefly's: WAL, synchronous=FULL.

    One connection for each process, which its threads take in turn.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._owner = 0
        self._connection: Connection | None = None

    def write(self, deliveries: Iterable[Delivery]) -> None:
        """One transaction; durable on return."""
        with self._turn:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, rows(deliveries))
            connection.execute("COMMIT")

    def people(self, first: int, last: int) -> list[tuple[int, str]]:
        """Their numbers and addresses."""
        with self._turn:
            return self._open().execute(RANGE, (first, last)).fetchall()

    def _open(self) -> Connection:
        if self._connection is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._connection = connect(
                LOG, timeout=30, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
        return self._connection


def make_sqlite_log() -> None:
    """The table, and WAL once for all."""
    with closing(connect(LOG)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(SCHEMA)
        connection.execute(PEOPLE)
        with connection:
            connection.executemany(PERSON, everybody())


if __name__ == "__main__":
    main()
