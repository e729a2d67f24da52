"""`notefly up` with settings for several processes: broker, client and a worker that delivers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cluster.postgres import Postgres
from tests.e2e.house import many_marks
from tests.e2e.test_up import gone, wait_for_all
from tests.support.nats import free_ports as some_ports
from tests.support.nats import servers
from tests.support.up import STOP_SECONDS, Up, free_ports

pytestmark = many_marks


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of a PostgreSQL and a NATS of this test's own."""
    nats = servers(1, tmp_path / "nats").start()
    postgres = Postgres(some_ports(1)[0], tmp_path / "postgres.log")
    try:
        asyncio.run(postgres.start())
        nats.wait_until_healthy()
        yield {
            "NOTEFLY_STORE": postgres.dsn(asyncio.run(postgres.database("notefly"))),
            "NOTEFLY_QUEUE": nats.addresses,
            "NOTEFLY_BROKER_DELIVERS": "0",
        }
    finally:
        postgres.remove()
        nats.end()


def test_a_worker_delivers_what_the_broker_accepts(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    up = Up(tmp_path, free_ports(), **settings)
    try:
        box = up.box()
        assert settings["NOTEFLY_QUEUE"] in box
        services = [up.child(name) for name in ("broker", "client", "worker")]
        assert sorted(services) == sorted(up.children())

        wait_for_all(up.http, "Goal!", 6)
        refused = httpx2.put(
            f"{up.broker_url}/v1/chaos", json={"channels": {"sms": {"failure_rate": 1}}}
        )
        assert refused.status_code == 409
        assert "this broker delivers nothing itself" in refused.json()["detail"]

        up.process.terminate()
        assert up.process.wait(STOP_SECONDS) == 0
        assert all(map(gone, services))
    finally:
        said = up.end()
    assert said.splitlines()[-2:] == ["stopping", "stopped"], said
