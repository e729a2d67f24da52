"""What commands say of engines on servers, where there is none."""

import sys

import pytest

from notefly.cli.up import announcement, starts
from notefly.config import Settings
from tests.cli.conftest import Notefly

NOWHERE = "postgresql://me:secret@127.0.0.1:1/notefly"


def test_a_worker_needs_a_store_that_others_reach_too(alone: Notefly) -> None:
    said = alone("worker")
    assert said.exit_code == 1
    assert "set NOTEFLY_STORE=postgresql://…" in said.stderr


def test_a_worker_delivers_on_channels_that_are_configured(alone: Notefly) -> None:
    said = alone("worker", "--channel", "fax", store=NOWHERE)
    assert said.exit_code == 1
    assert "fax is no channel that is configured; there are sms, email, push" in said.stderr


@pytest.mark.parametrize(
    "words", ["broker", "worker", "keys list", "verify", "keys create me --scope admin"]
)
def test_a_store_that_cannot_be_reached_is_one_clear_line(
    alone: Notefly, free_port: int, words: str
) -> None:
    said = alone(*words.split(), store=NOWHERE, broker_port=str(free_port))
    assert said.exit_code == 1
    assert "PostgreSQL cannot be reached" in said.stderr
    assert "NOTEFLY_STORE" in said.stderr
    assert "secret" not in said.output
    assert "Traceback" not in said.output


@pytest.mark.parametrize("words", ["broker", "worker", "keys list", "verify", "doctor"])
def test_what_has_to_be_installed_is_named(
    alone: Notefly, free_port: int, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    for module in [name for name in sys.modules if name.startswith("notefly.adapters.postgres")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "notefly.bootstrap.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    said = alone(*words.split(), store=NOWHERE, broker_port=str(free_port))
    assert said.exit_code == 1
    assert "NOTEFLY_STORE needs asyncpg: pip install 'notefly[postgres]'" in said.output


def test_a_backup_of_a_server_is_the_servers_business(alone: Notefly) -> None:
    said = alone("backup", "x.db", store=NOWHERE)
    assert said.exit_code == 1
    assert "pg_dump" in said.stderr


def test_doctor_asks_the_store(alone: Notefly) -> None:
    said = alone("doctor", store=NOWHERE)
    assert said.exit_code == 1
    assert "PostgreSQL cannot be reached" in said.output
    assert "data directory" not in said.output


def test_up_starts_what_the_settings_name() -> None:
    settings = Settings(store=NOWHERE, queue="nats://word@127.0.0.1:4222", broker_delivers=False)
    assert [how.name for how in starts(settings)] == ["broker", "client", "worker"]
    box = announcement(settings)
    assert "postgresql://me:****@127.0.0.1:1/notefly" in box
    assert "nats://****@127.0.0.1:4222" in box
