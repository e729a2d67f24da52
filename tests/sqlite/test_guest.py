"""Commands that write beside a broker: what they leave alone, and what they are told."""

from pathlib import Path

import apsw
import pytest

from notefly.adapters.sqlite.connection import open_writer, store_path
from notefly.adapters.sqlite.guest import visiting
from notefly.adapters.sqlite.keys import SqliteKeys
from notefly.adapters.sqlite.ownership import owning
from notefly.domain.errors import StoreLocked, StoreUnusable, Unavailable
from tests.contract.keys import stored
from tests.support.story import publish
from tests.support.time import VirtualClock
from tests.support.world import sqlite_file, violations


def version_of(path: Path) -> object:
    connection = apsw.Connection(str(path))
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    connection.close()
    return version


def log_size(folder: Path) -> int:
    return Path(f"{store_path(folder)}-wal").stat().st_size


async def test_a_guest_beside_a_broker_leaves_its_log_alone(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        with owning(tmp_path):
            await publish(world)
            before = log_size(tmp_path)
            with visiting(tmp_path, create=False) as guest:
                await SqliteKeys(guest).add(stored(world))
            assert log_size(tmp_path) > before
            await publish(world)
            assert await world.keys.find("k1") == stored(world)
            assert await violations(world) == []


def test_a_store_of_an_earlier_version_is_not_migrated_under_its_broker(tmp_path: Path) -> None:
    path = store_path(tmp_path)
    open_writer(str(path)).close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 1").fetchall()
    connection.execute(
        "DROP TABLE api_key; DROP TABLE secret; DROP TABLE epoch; DROP INDEX batch_leased"
    )
    connection.close()
    with (
        owning(tmp_path),
        pytest.raises(StoreUnusable, match="start the broker of this version once"),
        visiting(tmp_path, create=True),
    ):
        pass
    assert version_of(path) == 1
    with visiting(tmp_path, create=False):
        assert version_of(path) != 1, "with nobody on it, it is brought up to date"


def test_a_visit_ends_the_ownership_it_took(tmp_path: Path) -> None:
    with (
        visiting(tmp_path, create=True),
        pytest.raises(StoreLocked),
        owning(tmp_path, patience_seconds=0),
    ):
        pass
    with owning(tmp_path, patience_seconds=0):
        pass


def test_no_store_no_visit(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnusable, match="the first key makes one"),
        visiting(tmp_path / "none", create=False),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


async def test_a_store_that_is_busy_for_too_long_is_told(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        other = apsw.Connection(str(store_path(tmp_path)))
        with visiting(tmp_path, create=False) as guest:
            guest._connection.set_busy_timeout(1)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="try again"):
                await SqliteKeys(guest).add(stored(world))
            other.execute("ROLLBACK")
            await SqliteKeys(guest).add(stored(world))
        other.close()
