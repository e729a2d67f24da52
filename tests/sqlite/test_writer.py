"""One thread that writes: who shares a transaction, and what happens when a commit goes wrong."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from typing_extensions import override

from notefly.adapters.sqlite.connection import open_writer
from notefly.adapters.sqlite.transaction import Transaction
from notefly.adapters.sqlite.wal import CHECKPOINT_PAGES
from notefly.adapters.sqlite.writer import Writer
from notefly.domain.errors import Unavailable
from tests.support.time import SilentMeter, VirtualClock


class Bench:
    """A writer on a file, with the first transaction held until everybody has asked."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.meter = SilentMeter()
        self.unknown: list[BaseException] = []
        self.connection = open_writer(self.path)
        self.writer = Writer(
            self.connection,
            lambda: 0.01,
            self.meter,
            self._unknown,
            lambda: None,
            VirtualClock().now,
        )
        self.gate = threading.Event()
        self.cut = threading.Event()

    def _unknown(self, error: BaseException) -> None:
        self.unknown.append(error)
        self.cut.set()

    def hold(self) -> "asyncio.Task[bool]":
        """Occupy the writer; whoever asks until `gate` is set shares the next transaction."""
        return asyncio.ensure_future(self.writer.run(lambda _: self.gate.wait(5), urgent=True))

    def files(self) -> bytes:
        """The store and what is not yet in it."""
        return Path(self.path).read_bytes() + Path(f"{self.path}-wal").read_bytes()

    def rows(self) -> list[str]:
        """As another process sees them."""
        with_own = apsw.Connection(self.path)
        try:
            return [row[0] for row in with_own.execute("SELECT name FROM category ORDER BY key")]
        finally:
            with_own.close()


def insert(name: str) -> Callable[[Transaction], int]:
    return lambda transaction: transaction.insert("INSERT INTO category (name) VALUES (?)", (name,))


def fail(transaction: Transaction) -> None:
    insert("undone")(transaction)
    raise LookupError("its own business")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = Bench(tmp_path / "notefly.db")
    yield opened
    opened.writer.close()


async def test_those_who_wait_share_a_transaction(bench: Bench) -> None:
    held = bench.hold()
    asked = [
        asyncio.ensure_future(bench.writer.run(insert(f"c{n}"), urgent=n % 3 > 0))
        for n in range(30)
    ]
    await asyncio.sleep(0)
    assert bench.rows() == []
    bench.gate.set()
    await asyncio.gather(held, *asked)
    assert len(bench.rows()) == 30
    assert bench.meter.commits < 10


async def test_a_failure_undoes_its_own_member_only(bench: Bench) -> None:
    held = bench.hold()
    asked = [
        asyncio.ensure_future(bench.writer.run(work, urgent=True))
        for work in (insert("a"), fail, insert("b"))
    ]
    await asyncio.sleep(0)
    bench.gate.set()
    await held
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, LookupError, int]
    assert bench.rows() == ["a", "b"]
    assert bench.meter.commits <= 2


async def test_an_answer_means_that_it_is_on_the_disk(bench: Bench) -> None:
    for n in range(3):
        await bench.writer.run(insert(f"c{n}"), urgent=bool(n % 2))
        assert len(bench.rows()) == n + 1
    [(mode,)] = bench.connection.execute("PRAGMA synchronous").fetchall()
    assert mode == 2


async def test_somebody_who_gave_up_waiting_harms_nobody(bench: Bench) -> None:
    held = bench.hold()
    gone = asyncio.ensure_future(bench.writer.run(insert("gone"), urgent=True))
    other = asyncio.ensure_future(bench.writer.run(insert("other"), urgent=True))
    await asyncio.sleep(0)
    gone.cancel()
    bench.gate.set()
    await asyncio.gather(held, other)
    assert "other" in bench.rows()


async def test_a_full_disk_stores_nothing_and_says_so(bench: Bench) -> None:
    [(pages,)] = bench.connection.execute("PRAGMA page_count").fetchall()
    bench.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    held = bench.hold()
    asked = [
        asyncio.ensure_future(bench.writer.run(insert(name), urgent=True))
        for name in ("small", "x" * 100_000)
    ]
    await asyncio.sleep(0)
    bench.gate.set()
    answers = await asyncio.gather(held, *asked, return_exceptions=True)
    assert isinstance(answers[2], Unavailable)
    assert "full" in str(answers[2])
    # Whoever shared the transaction was not stored either, and is told so.
    stored = bench.rows()
    assert ("small" in stored) == (not isinstance(answers[1], Unavailable))
    bench.connection.execute("PRAGMA max_page_count = 1000000").fetchall()
    await bench.writer.run(insert("later"), urgent=True)
    assert bench.rows()[-1] == "later"
    assert bench.unknown == []


async def test_when_a_commit_is_unknown_nobody_is_answered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = bench.writer._execute

    def cut_off(statement: str) -> None:
        execute(statement)
        if statement == "COMMIT":
            raise apsw.IOError("fsync")

    monkeypatch.setattr(bench.writer, "_execute", cut_off)
    asked = [
        asyncio.ensure_future(bench.writer.run(insert(name), urgent=True)) for name in ("a", "b")
    ]
    await asyncio.to_thread(bench.cut.wait, 5)
    assert isinstance(bench.unknown[0], apsw.IOError)
    for waiting in asked:
        assert not waiting.done()
        waiting.cancel()
    assert bench.meter.commits == 0


async def test_a_store_that_another_process_holds_answers_everybody(
    bench: Bench,
) -> None:
    bench.connection.set_busy_timeout(1)
    other = apsw.Connection(bench.path)
    other.execute("BEGIN IMMEDIATE")
    for urgent in (True, False):
        with pytest.raises(Unavailable, match="cannot take it now"):
            async with asyncio.timeout(5):
                await bench.writer.run(insert("a"), urgent=urgent)
    other.execute("ROLLBACK")
    other.close()
    await bench.writer.run(insert("b"), urgent=True)
    assert bench.rows() == ["b"]


async def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "closing.db")
    asked = [
        asyncio.ensure_future(bench.writer.run(insert(f"c{n}"), urgent=n % 2 > 0))
        for n in range(10)
    ]
    await asyncio.sleep(0)
    bench.writer.close()
    await asyncio.gather(*asked)
    assert len(bench.rows()) == 10
    with pytest.raises(Unavailable, match="closing"):
        await bench.writer.run(insert("late"), urgent=True)


async def test_the_log_is_checkpointed_between_transactions(bench: Bench) -> None:
    for n in range(6):
        await bench.writer.run(insert(str(n) + "x" * CHECKPOINT_PAGES * 1_024), urgent=True)
    assert os.stat(bench.path + "-wal").st_size < 4 * CHECKPOINT_PAGES * 4_096  # noqa: PTH116


class Syncs(apsw.VFSFile):
    """The store's own file; the WAL's syncs go well."""

    broken = False

    def __init__(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._store = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)

    @override
    def xSync(self, flags: int) -> None:
        if self._store and Syncs.broken:
            raise apsw.IOError("planted")
        super().xSync(flags)


class BreakingDisk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__("breaking", "unix")

    @override
    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        return Syncs(name, flags)


async def test_a_checkpoint_that_the_disk_fails_stops_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = BreakingDisk()
    opened = apsw.Connection
    monkeypatch.setattr(apsw, "Connection", lambda path: opened(path, vfs="breaking"))
    bench = Bench(tmp_path / "notefly.db")
    monkeypatch.setattr(Syncs, "broken", True)
    await bench.writer.run(insert("x" * CHECKPOINT_PAGES * 5_000), urgent=True)
    assert await asyncio.to_thread(bench.cut.wait, 5)
    assert isinstance(bench.unknown[0], apsw.IOError)
    monkeypatch.setattr(Syncs, "broken", False)
    bench.writer.close()
    disk.unregister()


async def test_a_checkpoint_that_waits_for_a_reader_is_not_tried_with_every_commit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.writer.run(insert("first"), urgent=True)
    reader = apsw.Connection(bench.path)
    reader.execute("BEGIN; SELECT count(*) FROM category").fetchall()
    tried = []
    checkpoint = bench.writer._wal.checkpoint

    def counted() -> bool:
        tried.append(1)
        return checkpoint()

    monkeypatch.setattr(bench.writer._wal, "checkpoint", counted)
    await bench.writer.run(insert("x" * CHECKPOINT_PAGES * 5_000), urgent=True)
    for n in range(20):
        await bench.writer.run(insert(f"c{n}"), urgent=True)
    assert len(tried) == 1
    reader.close()


async def test_a_refusal_is_remembered_for_those_who_ask(bench: Bench) -> None:
    assert not bench.writer.refused
    [(pages,)] = bench.connection.execute("PRAGMA page_count").fetchall()
    bench.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(Unavailable, match="make room"):
        await bench.writer.run(insert("x" * 100_000), urgent=True)
    assert bench.writer.refused
    bench.connection.execute("PRAGMA max_page_count = 1000000").fetchall()


def test_a_closed_loop_is_no_trouble(bench: Bench) -> None:
    async def ask() -> None:
        waiting = bench.hold()
        await asyncio.sleep(0)
        assert not waiting.done()

    asyncio.run(ask())
    bench.gate.set()

    async def again() -> int:
        return await bench.writer.run(insert("still there"), urgent=True)

    assert asyncio.run(again()) > 0


async def test_what_was_erased_leaves_the_wal_as_soon_as_no_reader_is_in_the_way(
    bench: Bench,
) -> None:
    def erase(transaction: Transaction) -> None:
        transaction.run("DELETE FROM category WHERE name = 'secret-name'")
        transaction.erased = True

    await bench.writer.run(insert("secret-name"), urgent=True)
    assert b"secret-name" in bench.files()
    reader = apsw.Connection(bench.path)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM category").fetchall() == [(1,)]
    await bench.writer.run(erase, urgent=True)
    assert await bench.writer.run(lambda transaction: transaction.erased, urgent=True)
    assert b"secret-name" in bench.files()
    reader.execute("COMMIT")
    await bench.writer.run(lambda _: None, urgent=True)
    assert not await bench.writer.run(lambda transaction: transaction.erased, urgent=True)
    assert b"secret-name" not in bench.files()
    reader.close()


async def test_what_is_counted_is_undone_with_its_transaction(bench: Bench) -> None:
    def count(transaction: Transaction) -> None:
        transaction.waiting += 1

    def count_and_fail(transaction: Transaction) -> None:
        transaction.waiting += 10
        raise LookupError

    def count_and_fill(transaction: Transaction) -> None:
        transaction.waiting += 100
        raise apsw.FullError

    held = bench.hold()
    asked = [
        asyncio.ensure_future(bench.writer.run(work, urgent=True))
        for work in (count, count_and_fail, count)
    ]
    await asyncio.sleep(0)
    bench.gate.set()
    await asyncio.gather(held, *asked, return_exceptions=True)
    assert bench.writer.waiting == 2
    with pytest.raises(Unavailable):
        await bench.writer.run(count_and_fill, urgent=True)
    assert bench.writer.waiting == 2
    await bench.writer.run(count, urgent=True)
    assert bench.writer.waiting == 3
