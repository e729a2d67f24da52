"""Whether the servers sync each write is said at start and after every absence, once of each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from notefly.adapters.jetstream.link import open_link
from tests.jetstream.conftest import FORGETFUL
from tests.support.nats import Node, Servers, free_ports, servers

pytestmark = [pytest.mark.engines, FORGETFUL]
LOSES = "NATS does not sync each write"
SYSTEM = (
    "accounts { SYS { exports: ["
    '{ service: "$SYS.REQ.SERVER.PING.VARZ", response: stream }], '
    "users: [{ user: sys, password: sys }] }, "
    "N { jetstream: enabled, users: [{ user: notefly, password: p }], "
    'imports: [{ service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.VARZ" } }] } }\n'
    "system_account: SYS"
)
"""A user of another account may ask what only the system account is told otherwise."""


@asynccontextmanager
async def running(every: Servers) -> AsyncIterator[Node]:
    every.start()
    try:
        await every.healthy()
        yield every.nodes[0]
    finally:
        every.end()


async def test_what_a_power_cut_takes_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        running(servers(1, tmp_path, sync="2m")) as node,
        open_link(node.address, monitoring_port=node.monitor),
    ):
        assert LOSES in caplog.text
        assert "sync_interval: always" in caplog.text


async def test_nothing_is_said_where_each_write_is_synced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        running(servers(1, tmp_path)) as node,
        open_link(node.address, monitoring_port=node.monitor),
    ):
        assert "sync" not in caplog.text


async def test_that_it_cannot_be_known_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        running(servers(1, tmp_path)) as node,
        open_link(node.address, monitoring_port=free_ports(1)[0]),
    ):
        assert "whether NATS syncs each write is not known of 127.0.0.1" in caplog.text


async def test_every_server_tells_by_the_system_account_without_monitoring(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(servers(3, tmp_path, sync="2m", options=SYSTEM)) as node:
        address = node.address.replace("//", "//notefly:p@")
        async with open_link(address, monitoring_port=free_ports(1)[0]):
            for n in (1, 2, 3):
                assert caplog.text.count(f"{LOSES} on node-{n}:") == 1


async def test_a_server_that_comes_late_is_asked_when_it_is_there_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = servers(1, tmp_path, sync="2m")
    [node] = one.nodes
    async with open_link(node.address, patience_seconds=0.3, monitoring_port=node.monitor) as link:
        assert LOSES not in caplog.text
        back = asyncio.Event()
        link.came_back(back.set)
        async with running(one), asyncio.timeout(20):
            for _ in range(2):
                await back.wait()
                back.clear()
                while LOSES not in caplog.text:
                    await asyncio.to_thread(node.healthy)
                node.restart()
            await back.wait()
            await link.close()
        assert caplog.text.count(LOSES) == 1
