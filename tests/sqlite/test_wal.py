"""The write-ahead log stays small, also while somebody always reads."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import apsw
import pytest

from notefly.adapters.sqlite import database as the_database
from notefly.adapters.sqlite.connection import WAL_KEPT_BYTES, open_reader, open_writer
from notefly.adapters.sqlite.database import Database
from notefly.adapters.sqlite.transaction import Reading, Transaction
from notefly.adapters.sqlite.wal import LARGE_PAGES
from notefly.adapters.sqlite.writer import Writer
from tests.support.time import SilentMeter, VirtualClock

PAGE = 4_096
BLOB_PAGES = 500
ENOUGH = 3 * LARGE_PAGES // BLOB_PAGES
"""Writes after which the log would be three times as large as it may be."""
BOUND = (LARGE_PAGES + 4 * BLOB_PAGES) * PAGE


def fill(transaction: Transaction) -> None:
    """Much in one transaction; always the same rows, so that only the log grows."""
    transaction.run("CREATE TABLE IF NOT EXISTS ballast (key INTEGER PRIMARY KEY, bytes BLOB)")
    blob = (1, BLOB_PAGES * PAGE)
    transaction.run("INSERT OR REPLACE INTO ballast VALUES (?, randomblob(?))", blob)


def never(error: BaseException) -> None:
    raise AssertionError("no commit may end unknown here") from error


def log_of(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


Quiet = Callable[[], AbstractContextManager[object]]


@contextmanager
def writing(path: Path, quiet: Quiet) -> Iterator[Writer]:
    connection = open_writer(str(path))
    now = VirtualClock().now
    meter = SilentMeter()
    writer = Writer(connection, lambda: 0.01, meter, never, lambda: None, now, quiet=quiet)
    yield writer
    writer.close()


async def test_without_readers_it_never_grows(tmp_path: Path) -> None:
    path = tmp_path / "notefly.db"
    with writing(path, nullcontext) as writer:
        for _ in range(ENOUGH):
            await writer.run(fill, urgent=True)
        assert log_of(path) < BOUND / 2


async def test_a_reader_that_lets_go_when_asked_keeps_it_small(tmp_path: Path) -> None:
    path = tmp_path / "notefly.db"
    open_writer(str(path)).close()
    reader = open_reader(str(path))
    asked = 0

    def look() -> None:
        reader.execute("BEGIN").fetchall()
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()

    @contextmanager
    def quiet() -> Iterator[None]:
        nonlocal asked
        asked += 1
        reader.execute("COMMIT").fetchall()
        yield
        look()

    with writing(path, quiet) as writer:
        look()
        for _ in range(ENOUGH):
            await writer.run(fill, urgent=True)
        assert log_of(path) < BOUND
        assert 1 <= asked <= ENOUGH * BLOB_PAGES // (LARGE_PAGES // 2)
        reader.close()


async def test_what_a_long_reader_made_of_it_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "notefly.db"
    open_writer(str(path)).close()
    reader = open_reader(str(path))
    with writing(path, nullcontext) as writer:
        reader.execute("BEGIN").fetchall()
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        while log_of(path) <= WAL_KEPT_BYTES + BOUND:
            await writer.run(fill, urgent=True)
        reader.close()
        for _ in range(10):
            await writer.run(fill, urgent=True)
        assert log_of(path) <= WAL_KEPT_BYTES


async def test_readers_who_take_turns_keep_it_small_too(tmp_path: Path) -> None:
    """At every moment somebody reads, and the next begins before the last has ended."""
    path = tmp_path / "notefly.db"
    database = Database(str(path), lambda: 0.01, SilentMeter(), never, VirtualClock().now)
    await database.write(fill)
    going_on, turns = True, threading.Semaphore(0)

    def look(reading: Reading) -> None:
        reading.value("SELECT count(*) FROM sqlite_master")
        turns.acquire(timeout=0.02)

    async def reader() -> None:
        while going_on:
            await database.read(look)
            turns.release()

    readers = [asyncio.ensure_future(reader()) for _ in range(4)]
    for _ in range(ENOUGH):
        await database.write(fill)
    size, going_on = log_of(path), False
    await asyncio.gather(*readers)
    await asyncio.to_thread(database.close)
    assert size < 2 * BOUND


async def test_a_reader_that_does_not_end_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_database, "QUIET_SECONDS", 0.01)
    path = tmp_path / "notefly.db"
    database = Database(str(path), lambda: 0.01, SilentMeter(), never, VirtualClock().now)
    await database.write(fill)
    begun, ended = threading.Event(), threading.Event()

    def look(reading: Reading) -> int:
        reading.value("SELECT count(*) FROM sqlite_master")
        begun.set()
        assert ended.wait(30)
        return 1

    reading = asyncio.ensure_future(database.read(look))
    await asyncio.to_thread(begun.wait, 30)
    for _ in range(ENOUGH):
        await database.write(fill)
    assert await database.read(lambda r: r.value("SELECT count(*) FROM ballast")) == 1
    ended.set()
    assert await reading == 1
    for _ in range(10):
        await database.write(fill)
    assert await database.read(lambda r: r.value("SELECT count(*) FROM ballast")) == 1
    await asyncio.to_thread(database.close)


def test_pages_are_of_the_size_that_is_counted_with(tmp_path: Path) -> None:
    connection: apsw.Connection = open_writer(str(tmp_path / "notefly.db"))
    assert connection.execute("PRAGMA page_size").fetchall() == [(PAGE,)]
    connection.close()
