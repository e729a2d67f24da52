"""`notefly up` where keys are required."""

import hashlib
import re
from pathlib import Path

import httpx2

from tests.e2e.test_up import on_linux, wait_for_all
from tests.support.up import Up, free_ports


@on_linux
def test_where_keys_are_required_the_console_has_its_own(
    tmp_path: Path,
) -> None:
    ports = free_ports()
    running = Up(tmp_path, ports, NOTEFLY_REQUIRE_KEYS="1")
    try:
        look_around(running, ports, tmp_path)
    finally:
        running.end()


def look_around(running: Up, ports: tuple[int, int], folder: Path) -> None:
    box = running.box()
    assert "the API wants keys" in box
    assert "notefly link ID" in box
    with httpx2.Client(base_url=f"http://localhost:{ports[0]}") as anybody:
        assert anybody.get("/healthz").status_code == 200
        assert anybody.get("/v1/messages").status_code == 401
    address = wait_for_all(running.http, "Goal!", 6)
    page = running.http.get(address).text + running.http.get("/pub").text
    environ = Path(f"/proc/{running.child('client')}/environ").read_bytes().decode()
    key = re.search("NOTEFLY_API_KEY=(nf_console_([0-9a-f]{64}))", environ)
    assert key is not None
    for pid in (running.process.pid, *running.children()):
        assert key[2] not in Path(f"/proc/{pid}/cmdline").read_text()
    assert key[2] not in Path(f"/proc/{running.child('broker')}/environ").read_bytes().decode()
    assert running.interrupt() == 0
    said = running.end()
    assert "API keys are required, and there is none yet" in said
    stored = b"".join(f.read_bytes() for f in (folder / "notefly-data").iterdir())
    for secret in (key[2], hashlib.sha256(key[1].encode()).hexdigest()):
        assert secret not in said + box + page
        assert secret.encode() not in stored
