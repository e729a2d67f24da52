"""What `notefly doctor` says of a queue on real servers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from notefly.adapters.jetstream import fitness
from tests.cli.conftest import Notefly
from tests.cli.test_doctor import NOWHERE, findings
from tests.jetstream.test_durability import SYSTEM
from tests.support.nats import Node, free_ports, servers
from tests.support.redis import Server

pytestmark = pytest.mark.engines
Starts = Callable[..., Node]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starts]:
    started = []

    def begin(**how: str) -> Node:
        started.append(servers(1, tmp_path / "nats", **how).start())
        started[-1].wait_until_healthy()
        return started[-1].nodes[0]

    yield begin
    for one in started:
        one.end()


def queue(alone: Notefly, address: str) -> dict[str, Any]:
    """The last that is said of it."""
    found: dict[str, Any] = findings(alone, store=NOWHERE, queue=address)["queue"]
    return found


def test_nats_that_syncs_each_write_is_well(start: Starts, alone: Notefly) -> None:
    node = start(options=SYSTEM)
    found = queue(alone, node.address.replace("//", "//notefly:p@"))
    assert (found["verdict"], found["mend"]) == ("ok", "")
    assert found["detail"].startswith("NATS 2.")
    assert found["detail"].endswith(f" at nats://notefly:****@127.0.0.1:{node.port}")


def test_nats_that_may_forget_is_worth_a_word(start: Starts, alone: Notefly) -> None:
    node = start(options=SYSTEM, sync="2m")
    found = queue(alone, node.address.replace("//", "//notefly:p@"))
    assert found["verdict"] == "note"
    assert found["detail"].startswith("NATS does not sync each write on node-1: ")
    assert found["mend"].startswith("set `jetstream { sync_interval: always }`")


def test_a_wrong_token(start: Starts, alone: Notefly) -> None:
    node = start(options="authorization { token: right }")
    found = queue(alone, node.address.replace("//", "//wrong-one@"))
    assert (found["verdict"], found["mend"]) == ("bad", "correct NOTEFLY_QUEUE")
    assert "Authorization Violation" in found["detail"]
    assert "wrong-one" not in str(found)


def test_nats_without_jetstream(start: Starts, alone: Notefly) -> None:
    found = queue(alone, start(sync="off").address)
    assert found["verdict"] == "bad"
    assert "has no JetStream for this user" in found["detail"]
    assert found["mend"].startswith("start it with `jetstream { … }`")


def test_nats_that_is_too_old(
    start: Starts, alone: Notefly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "OLDEST", (99, 0))
    found = queue(alone, start().address)
    assert (found["verdict"], found["mend"]) == ("bad", "NOTEFLY_QUEUE needs 2.12 or newer")


@pytest.fixture
def redis() -> Iterator[str]:
    """With a password, on a port; what is in its address after `redis://`."""
    [port] = free_ports(1)
    server = Server(port, "right")
    try:
        server.start()
        yield f"127.0.0.1:{port}"
    finally:
        server.remove()


def test_redis_is_asked_too(redis: str, alone: Notefly) -> None:
    assert queue(alone, f"redis://:right@{redis}")["verdict"] == "ok"
    refused = queue(alone, f"redis://:wrong@{redis}")
    assert (refused["verdict"], refused["mend"]) == ("bad", "correct NOTEFLY_QUEUE")
    with Redis.from_url(f"redis://:right@{redis}") as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    found = queue(alone, f"redis://:right@{redis}")
    assert (found["verdict"], found["mend"]) == ("note", "set `maxmemory-policy noeviction`")


def test_a_queue_on_a_server_needs_a_store_on_one(alone: Notefly) -> None:
    said = alone("doctor", queue="nats://127.0.0.1:4222")
    assert said.exit_code == 1
    assert "NOTEFLY_STORE" in said.output
