"""Nothing of the product listens anywhere but on this machine, unless it is told to."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.up import Up, free_ports

LISTENING = "0A"
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for sockets in /proc")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path, free_ports(), NOTEFLY_CHANNELS="sms,email,push,pager")
    running.box()
    yield running
    running.end()


def listening(pids: list[int]) -> dict[str, str]:
    """Inode to address of every TCP socket that these processes listen on."""
    links = {
        link.readlink().name
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    owned = {found[1] for name in links if (found := re.fullmatch(r"socket:\[(\d+)\]", name))}
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[9]: row[1] for row in lines if row[3] == LISTENING and row[9] in owned}


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def test_nothing_listens_beyond_this_machine(up: Up) -> None:
    up.http.get("/pub")
    found = listening(family(up.process.pid))
    places = [address.split(":") for address in found.values()]
    ports = {int(port, 16) for _, port in places}
    assert {host for host, _ in places} <= LOOPBACK
    assert ports == {int(url.rsplit(":", 1)[1]) for url in (up.broker_url, up.client_url)}
