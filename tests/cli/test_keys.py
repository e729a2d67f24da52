"""`notefly keys` without and beside a broker, and commands that need a key."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from notefly.cli.advice import about_broker, about_client
from notefly.config import Settings
from tests.broker.service import Broker
from tests.cli.conftest import Notefly

KEY = re.compile(r"nf_[0-9a-f]{12}_[0-9a-f]{64}")


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Broker]:
    """A broker that wants keys, on the store of the folder that commands run in."""
    broker = Broker(tmp_path / "notefly-data", mocks=True, require_keys=True)
    yield broker
    broker.stop()


def test_the_first_key_makes_the_store_and_is_shown_once(alone: Notefly) -> None:
    made = alone("keys", "create", "app", "--scope", "publish", "--scope", "read")
    assert made.exit_code == 0, made.output
    assert KEY.fullmatch(made.stdout.strip()), "nothing else on stdout"
    key_id, secret = made.stdout.strip().split("_")[1:]
    assert f"`notefly keys revoke {key_id}`" in made.stderr
    listed = alone("keys", "list").stdout
    assert [line.split()[:4] for line in listed.splitlines()[1:]] == [
        [key_id, "app", "publish,", "read"]
    ]
    assert secret not in listed
    assert Path("notefly-data").stat().st_mode & 0o077 == 0


def test_keys_for_scripts(alone: Notefly) -> None:
    made = json.loads(alone("keys", "create", "ops", "--scope", "admin", "--json").stdout)
    assert KEY.fullmatch(made.pop("key"))
    assert (made["name"], made["scopes"], made["revoked_at"]) == ("ops", ["admin"], None)
    assert json.loads(alone("keys", "list", "--json").stdout) == [made]
    assert alone("keys", "revoke", made["id"]).stdout == f"revoked {made['id']} (ops)\n"
    [revoked] = json.loads(alone("keys", "list", "--json").stdout)
    assert revoked["revoked_at"] is not None
    assert alone("keys", "revoke", made["id"]).exit_code == 0, "twice is as once"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list",), "there is no store at notefly-data"),
        (("revoke", "0123456789ab"), "there is no store at notefly-data"),
        (("create", " ", "--scope", "read"), "/name: must have 1 to 100 characters"),
    ],
)
def test_what_cannot_be_done_is_said(alone: Notefly, words: tuple[str, ...], said: str) -> None:
    result = alone("keys", *words)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_key_needs_a_scope_that_there_is(alone: Notefly) -> None:
    assert alone("keys", "create", "app").exit_code == 2
    assert alone("keys", "create", "app", "--scope", "everything").exit_code == 2
    alone("keys", "create", "app", "--scope", "read")
    assert "no API key of that id" in alone("keys", "revoke", "nf_canary").stderr


def test_beside_a_running_broker(locked: Broker, alone: Notefly) -> None:
    def notefly(*words: str, key: str = "") -> tuple[int, str, str]:
        result = alone(*words, broker_url=locked.url, api_key=key)
        assert "Traceback" not in result.output
        return result.exit_code, result.stdout, result.stderr

    for words in (("publish", "sports", "x"), ("tail",), ("demo",), ("show", "x")):
        status, _, said = notefly(*words)
        assert status == 1
        assert "it wants an API key; `notefly keys create" in said
        assert "NOTEFLY_API_KEY" in said
    writer = notefly("keys", "create", "w", "--scope", "publish")[1].strip()
    admin = notefly("keys", "create", "a", "--scope", "admin")[1].strip()
    assert notefly("publish", "sports", "x", key=writer)[0] == 0
    status, _, said = notefly("tail", "--no-follow", key=writer)
    assert (status, "lacks the scope read" in said) == (1, True)
    assert notefly("demo", key=admin)[0] == 0
    link = notefly("link", "ada", "--days", "1", key=admin)[1].strip()
    assert link.startswith(f"{locked.url}/sub?link=")
    assert locked.http.get(link).status_code == 200
    shown = notefly("config", key=admin)[1]
    assert re.search(r"api_key +\*\*\*\* +NOTEFLY_API_KEY", shown)
    assert admin not in shown
    assert notefly("keys", "revoke", writer.split("_")[1])[0] == 0
    while (told := notefly("publish", "sports", "x", key=writer))[0] == 0:
        pass
    assert "it does not know the API key in NOTEFLY_API_KEY, or it was revoked" in told[2]
    assert writer not in told[2]


def test_what_is_worth_knowing_at_a_start(alone: Notefly) -> None:
    assert [*about_broker(Settings()), *about_client(Settings())] == []
    outside = Settings(host="0.0.0.0")
    hosts, no_key = about_broker(outside)
    assert "NOTEFLY_ALLOWED_HOSTS" in hosts
    assert "notefly keys create" in no_key
    [console] = about_client(outside)
    assert "listens on 127.0.0.1 only" in console
    assert not Path("notefly-data").exists()
    alone("keys", "create", "app", "--scope", "read")
    assert list(about_broker(Settings(require_keys=True))) == []
