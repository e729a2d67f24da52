"""Which files are opened, and which are refused."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import apsw
import pytest
from typing_extensions import override

from notefly.adapters.relational.cursors import decode, encode
from notefly.adapters.sqlite.connection import (
    check_version,
    migrate,
    open_reader,
    open_writer,
    store_path,
)
from notefly.adapters.sqlite.transaction import STATEMENTS
from notefly.bootstrap import make_container
from notefly.config import Settings
from notefly.domain.errors import Invalid, StoreLocked, StoreUnusable
from notefly.ports.message_store import MessageStore
from tests.support.story import join, publish, status
from tests.support.time import VirtualClock
from tests.support.world import sqlite_file, violations


@pytest.mark.parametrize("version", ["3.51.2", "3.40.1", "2.9"])
def test_versions_that_corrupt_are_refused(version: str) -> None:
    with pytest.raises(StoreUnusable, match=r"3\.51\.3 or newer is needed"):
        check_version(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.100.0", "4.0"])
def test_sound_versions_are_taken(version: str) -> None:
    assert check_version(version) == version


def test_the_library_in_use_is_sound() -> None:
    assert check_version() == apsw.sqlite_lib_version()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "notefly.db")
    connection = open_writer(path)
    connection.execute("PRAGMA user_version = 99").fetchall()
    connection.close()
    for opens in (open_writer, open_reader):
        with pytest.raises(StoreUnusable, match="update Notefly"):
            opens(path)


class Watched(apsw.VFSFile):
    """Counts what is synced."""

    synced: ClassVar[list[str]] = []

    def __init__(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._kind = "wal" if flags[0] & apsw.SQLITE_OPEN_WAL else "store"

    @override
    def xSync(self, flags: int) -> None:
        Watched.synced.append(self._kind)
        super().xSync(flags)


class WatchedDisk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__("watched", "unix")

    @override
    def xOpen(self, name: "str | apsw.URIFilename | None", flags: list[int]) -> apsw.VFSFile:
        return Watched(name, flags)


def test_what_a_dead_process_committed_is_synced_before_anything_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / "dead"
    dead.mkdir()
    writer = open_writer(str(tmp_path / "notefly.db"))
    writer.execute("INSERT INTO category (name) VALUES ('unsynced')").fetchall()
    for file in tmp_path.glob("notefly.db*"):
        shutil.copy(file, dead)
    writer.close()
    disk, opened = WatchedDisk(), apsw.Connection
    monkeypatch.setattr(apsw, "Connection", lambda path: opened(path, vfs="watched"))
    Watched.synced.clear()
    revived = open_writer(str(dead / "notefly.db"))
    assert [*dict.fromkeys(Watched.synced)] == ["wal", "store"]
    revived.close()
    disk.unregister()


def test_a_reader_asks_for_the_broker_when_the_schema_is_older(tmp_path: Path) -> None:
    path = str(tmp_path / "notefly.db")
    connection = open_writer(path)
    connection.execute("PRAGMA user_version = 0").fetchall()
    connection.close()
    with pytest.raises(StoreUnusable, match="start the broker of this version once"):
        open_reader(path)


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    connection = open_writer(str(tmp_path / "notefly.db"))
    before = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema").fetchall() == before
    connection.close()


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notefly.db"
    with pytest.raises(StoreUnusable, match="there is no readable store"):
        open_reader(str(path))
    assert not path.exists()
    path.write_bytes(b"this is a letter" * 100)
    for opens in (open_writer, open_reader):
        with pytest.raises(StoreUnusable):
            opens(str(path))


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    path = str(tmp_path / "notefly.db")
    open_writer(path).close()
    reader = open_reader(path)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM message")
    reader.close()


async def test_a_write_is_seen_by_every_read_after_its_answer(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        await join(world, "ada")
        for n in range(1, 20):
            message = await publish(world)
            found = await asyncio.gather(*(world.figures.messages() for _ in range(4)))
            assert found == [n] * 4
            assert (await status(world, message)).message.key == n


async def test_what_was_stored_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        await join(world, "ada")
        message = await publish(world)
        await world.control.pause("sms")
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        assert (await status(world, message)).message.id == message
        assert await world.control.paused() == {"sms"}
        assert await violations(world) == []


async def test_a_data_directory_belongs_to_one_broker(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mocks=False)
    first, second = make_container(settings), make_container(settings)
    try:
        await first.get(MessageStore)
        with pytest.raises(StoreLocked, match="another broker is running on"):
            await second.get(MessageStore)
        await second.close()
    finally:
        await first.close()
    third = make_container(settings)
    assert await third.get(MessageStore)
    await third.close()
    assert store_path(tmp_path).exists()


def test_cursors_are_their_keys() -> None:
    assert decode(encode(1, -2, 2**62), 3) == (1, -2, 2**62)
    with pytest.raises(Invalid):
        decode(encode(1, 2), 3)


def test_a_statement_is_compiled_once_whatever_values_it_is_given(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def ended(event: dict[str, Any]) -> None:
        status = event["stmt_status"]
        seen.append((status["SQLITE_STMTSTATUS_RUN"], status["SQLITE_STMTSTATUS_REPREPARE"]))

    with closing(open_writer(str(tmp_path / "store"))) as connection:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, ended)
        values = dict.fromkeys(("prefix", "kind", "now", "category", "channel", "epoch"), 1)
        # apsw counts on from run to run for a text that opens with a comment only.
        statement = "-- \n" + STATEMENTS["members.recipients_planned"]
        for message in (1, 2, 3):
            range_ = {"message": message, "after": 0, "through": message, "limit": 1_000}
            assert not connection.execute(statement, values | range_).fetchall()
    assert seen == [(1, 0), (2, 0), (3, 0)]
