"""Back up and restore, as somebody types it."""

from pathlib import Path

import apsw
import pytest

from notefly.adapters.sqlite.connection import open_writer, store_path
from notefly.adapters.sqlite.ownership import owning
from tests.cli.conftest import Notefly

DATA = Path("notefly-data")


def category(name: str) -> None:
    """Something to recognise a store by."""
    DATA.mkdir(exist_ok=True)
    connection = open_writer(str(store_path(DATA)))
    connection.execute("DELETE FROM category").fetchall()
    connection.execute("INSERT INTO category (name) VALUES (?)", (name,)).fetchall()
    connection.close()


def categories(store: Path) -> list[str]:
    connection = apsw.Connection(str(store))
    found = [str(name) for (name,) in connection.execute("SELECT name FROM category")]
    connection.close()
    return found


def test_a_restored_store_is_the_one_of_the_backup(alone: Notefly) -> None:
    category("before")
    assert alone("backup", "one.db").exit_code == 0
    category("after")
    result = alone("restore", "one.db")
    assert result.exit_code == 0
    assert categories(store_path(DATA)) == ["before"]
    [kept] = DATA.glob("*.replaced-*")
    assert str(kept) in result.output
    assert categories(kept) == ["after"]
    assert alone("verify").exit_code == 0


def test_ids_of_events_are_not_given_twice(alone: Notefly) -> None:
    category("one")
    new_event = (
        "INSERT INTO event (at, message, channel, state, deliveries) VALUES (1, 1, 1, 1, 1) "
        "RETURNING id"
    )
    ids = []
    for step in (("backup", "one.db"), ("restore", "one.db"), ()):
        connection = open_writer(str(store_path(DATA)))
        ids += [int(str(row[0])) for _ in range(3) for row in connection.execute(new_event)]
        connection.close()
        assert not step or alone(*step).exit_code == 0
    assert ids == sorted(set(ids))


def test_a_backup_is_one_file_that_nothing_else_belongs_to(alone: Notefly) -> None:
    category("one")
    writer = open_writer(str(store_path(DATA)))
    writer.execute("INSERT INTO category (name) VALUES ('still in the WAL')").fetchall()
    Path("out").mkdir()
    assert alone("backup", "out/one.db").exit_code == 0
    assert [file.name for file in Path("out").iterdir()] == ["one.db"]
    assert categories(Path("out/one.db")) == ["one", "still in the WAL"]
    writer.close()


def test_a_file_that_exists_is_replaced_by_force_only(alone: Notefly) -> None:
    category("one")
    Path("one.db").write_text("precious")
    result = alone("backup", "one.db")
    assert result.exit_code == 1
    assert "say --force" in result.stderr
    assert Path("one.db").read_text() == "precious"
    assert alone("backup", "one.db", "--force").exit_code == 0
    assert categories(Path("one.db")) == ["one"]


def test_nothing_is_restored_under_a_running_broker(alone: Notefly) -> None:
    category("one")
    assert alone("backup", "one.db").exit_code == 0
    with owning(DATA):
        result = alone("restore", "one.db")
    assert result.exit_code == 1
    assert "another broker is running" in result.stderr
    assert list(DATA.glob("*.replaced-*")) == []


@pytest.mark.parametrize("content", [b"", b"this is a letter" * 999])
def test_what_is_no_backup_replaces_nothing(alone: Notefly, content: bytes) -> None:
    category("one")
    Path("letter").write_bytes(content)
    assert alone("restore", "letter").exit_code == 1
    assert alone("restore", "nowhere").exit_code == 1
    assert categories(store_path(DATA)) == ["one"]
    assert not Path("nowhere").exists()


def test_a_damaged_backup_replaces_nothing(alone: Notefly) -> None:
    category("one")
    assert alone("backup", "one.db").exit_code == 0
    content = bytearray(Path("one.db").read_bytes())
    content[4096:8192] = b"x" * 4096
    Path("one.db").write_bytes(content)
    result = alone("restore", "one.db")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert categories(store_path(DATA)) == ["one"]
    assert list(DATA.glob("*.replaced-*")) == []


def test_a_backup_of_a_newer_notefly_is_refused(alone: Notefly) -> None:
    category("one")
    assert alone("backup", "one.db").exit_code == 0
    connection = apsw.Connection("one.db")
    connection.execute("PRAGMA user_version = 99").fetchall()
    connection.close()
    assert "update Notefly" in alone("restore", "one.db").stderr
    assert categories(store_path(DATA)) == ["one"]


def test_a_store_too_broken_to_open_is_kept_with_its_log(alone: Notefly) -> None:
    category("one")
    assert alone("backup", "one.db").exit_code == 0
    store_path(DATA).write_bytes(b"broken" * 999)
    store_path(DATA).with_name("notefly.db-wal").write_bytes(b"its log")
    assert alone("restore", "one.db").exit_code == 0
    assert categories(store_path(DATA)) == ["one"]
    kept = sorted(DATA.glob("*.replaced-*"))
    assert [file.read_bytes()[:6] for file in kept] == [b"broken", b"its lo"]


def test_without_a_store_there_is_nothing_to_back_up(alone: Notefly) -> None:
    result = alone("backup", "one.db")
    assert result.exit_code == 1
    assert "there is no store at" in result.stderr
    assert not Path("one.db").exists()


def test_a_first_store_may_come_from_a_backup(alone: Notefly, tmp_path: Path) -> None:
    category("one")
    assert alone("backup", "one.db").exit_code == 0
    elsewhere = tmp_path / "elsewhere"
    assert alone("restore", "one.db", data_dir=str(elsewhere)).exit_code == 0
    assert categories(store_path(elsewhere)) == ["one"]
