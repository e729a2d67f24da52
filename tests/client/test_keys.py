"""The console holds its API key on its own side, and says plainly when it has none that works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notefly.config.showing import MASK
from notefly.domain.access import Scope
from tests.broker.holders import key_for, revoke
from tests.broker.service import Broker
from tests.client.console import Console

PAGES = ("/pub", "/activity", "/messages/x", "/deliveries/x")
ADMINISTRATION = ("/subscribers", "/subscribers/ada", "/queue", "/dead", "/settings")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "data"


@pytest.fixture(scope="module")
def locked(folder: Path) -> Iterator[Broker]:
    """A broker that wants keys."""
    broker = Broker(folder, mocks=True, require_keys=True)
    yield broker
    broker.stop()


def test_it_publishes_and_follows_with_its_key_and_shows_it_nowhere(
    locked: Broker, folder: Path, tmp_path: Path
) -> None:
    key = key_for(folder, Scope.PUBLISH, Scope.READ)
    log = tmp_path / "client.log"
    console = Console(locked.url, api_key=key, log_to=str(log))
    with console.events() as events:
        assert next(events)["event"] == "up"
        sent = console.post("/pub", console.form() | {"body": "With a key"})
        assert sent.status_code == 303
        told = str(next(events))
    seen = [console.get(sent.headers["Location"]), told, str(sent.headers)]
    seen += [console.get(path) for path in ("/pub", "/activity")]
    seen.append(console.http.get("/docs").text)
    for name in ("live.js", "pub.js", "parts.js", "activity.js"):
        seen.append(console.http.get(f"/static/{name}").text)
    assert 'Authorization: Bearer $NOTEFLY_API_KEY"' in seen[3]
    revoke(folder, key)
    while console.http.get("/activity").status_code == 200:
        pass
    seen.append(console.get("/activity", 503))
    assert console.stop() == 0
    assert log.stat().st_size > 0
    for part in (*seen, log.read_text()):
        assert key not in part
        assert key.rpartition("_")[2] not in part


def test_without_a_key_every_page_says_what_to_do(locked: Broker) -> None:
    console = Console(locked.url)
    for path in (*PAGES, *ADMINISTRATION):
        page = console.get(path, 503)
        assert "notefly keys create console --scope admin" in page
        assert "NOTEFLY_API_KEY" in page
        assert "does not answer" not in page
    form = {"key": "k", "category": "sports", "title": "", "body": "x"}
    assert "NOTEFLY_API_KEY" in console.page(console.post("/pub", form), 503)
    with console.events() as events:
        assert [event["event"] for event in events] == ["down"]
    assert console.stop() == 0


def test_a_key_that_may_only_read_does_not_turn_the_dials(locked: Broker, folder: Path) -> None:
    console = Console(locked.url, api_key=key_for(folder, Scope.PUBLISH, Scope.READ))
    assert "Turn on</button>" in console.get("/chaos")
    page = console.page(console.post("/chaos", {"sms.failure_rate": "50"}), 403)
    assert "notefly keys create console --scope admin" in page
    assert "50 %</output>" in page
    assert console.stop() == 0


def test_a_key_that_is_not_for_a_page_says_what_it_lacks(locked: Broker, folder: Path) -> None:
    console = Console(locked.url, api_key=key_for(folder, Scope.SUBSCRIBERS))
    for path in PAGES:
        page = console.get(path, 503)
        assert "lacks the scope" in page
        assert "NOTEFLY_API_KEY" in page
    assert console.stop() == 0
    console = Console(locked.url, api_key=key_for(folder, Scope.PUBLISH, Scope.READ))
    assert "lacks the scope admin" in console.get("/settings", 503)
    choice = console.post("/subscribers/ada/choice", {"choice": "on/movies/sms"})
    assert "lacks the scope subscribers" in console.page(choice, 503)
    assert "lacks the scope admin" in console.page(console.post("/queue/sms/pause", {}), 503)
    assert console.get("/subscribers")
    assert console.get("/dead")
    assert console.stop() == 0


def test_settings_mask_the_key(locked: Broker, folder: Path) -> None:
    key = key_for(folder, Scope.ADMIN)
    console = Console(locked.url, api_key=key)
    page = console.get("/settings")
    assert MASK in page
    assert key not in page
    assert console.stop() == 0


def test_it_listens_to_this_machine_only_wherever_the_broker_listens(nobody: str) -> None:
    console = Console(nobody, host="0.0.0.0")
    assert console.url.startswith("http://127.0.0.1:")
    assert console.stop() == 0
