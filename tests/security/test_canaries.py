"""Nobody's address or push token is ever in a log, a metric, an error, or what commands print.

The real product at its most talkative, every route with good and bad input, a channel that raises
with addresses in its words, prints them and answers with them; then everything is searched.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.security.doors import Door
from tests.support.up import PATIENCE_SECONDS, STOP_SECONDS, Up, free_ports

CANARIES = {
    "email": "canary.bird@example.org",
    "phone": "+12025550177",
    "push_token": "tok-canary-3f9a77",
}
PERCH = "perch-of-the-canary"
BAD = {
    "email": "canary.bird@@example.org",
    "phone": "+1202555canary",
    "push_token": "tok canary 3f9a77",
}
NAME, BODY = "Canary Bird of Paradise", "the canary sings at dawn"
NEVER = ("canary.bird", "2025550177", "202) 555-0177", "canary-3f9a77", "canary 3f9a77", "1202555c")
NEVER_LOGGED = (*NEVER, PERCH, NAME, BODY)
CHANNELS = ["email", "parrot", "push", "sms"]
NDJSON = {"Content-Type": "application/x-ndjson"}


class Told:
    """Everything that the product said to somebody else than the owner of an address."""

    def __init__(self, up: Up) -> None:
        self._broker = httpx2.Client(base_url=up.broker_url, timeout=PATIENCE_SECONDS)
        self._console = httpx2.Client(base_url=up.client_url, timeout=PATIENCE_SECONDS)
        self.errors: list[tuple[str, str]] = []
        self.asked = 0

    def __call__(self, method: str, path: str, **content: Any) -> httpx2.Response:
        return self._keep(self._broker, method, path, content)

    def console(self, method: str, path: str, **content: Any) -> httpx2.Response:
        return self._keep(self._console, method, path, content)

    def end(self) -> None:
        self._broker.close()
        self._console.close()

    def _keep(
        self, http: httpx2.Client, method: str, path: str, content: dict[str, Any]
    ) -> httpx2.Response:
        with http.stream(method, path, **content) as response:
            streaming = response.headers.get("Content-Type", "").startswith("text/event-stream")
            if not streaming:
                response.read()
        self.asked += 1
        # Who asks for "/x" is told that there is no "x": an address in there is the caller's own.
        if response.status_code >= 400 and not any(word in path for word in NEVER):
            self.errors.append((f"{method} {path} {response.status_code}", response.text))
        return response


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(
        tmp_path,
        free_ports(),
        NOTEFLY_LOG_LEVEL="debug",
        NOTEFLY_LOG="json",
        NOTEFLY_CHANNELS=",".join(CHANNELS),
        NOTEFLY_MOCKS="0",
        PYTHONASYNCIODEBUG="1",
    )
    running.box()
    yield running
    running.end()


def person(**changed: object) -> dict[str, object]:
    addresses = CANARIES | {"perch": PERCH}
    everything = {"categories": ["sports"], "channels": CHANNELS}
    return {"name": NAME, "addresses": addresses} | everything | changed


def good_input(told: Told) -> None:
    assert told("PUT", "/v1/subscribers/canary", json=person()).status_code == 201
    assert told("PATCH", "/v1/subscribers/canary", json={"name": NAME}).status_code == 200
    lines = "\n".join(json.dumps(person(id=f"canary-{n}")) for n in range(3))
    assert told("POST", "/v1/subscribers", content=lines, headers=NDJSON).status_code == 201
    form = {"name": NAME, "get:sports": "email"}
    typed = {f"address:{kind}": value for kind, value in CANARIES.items()}
    assert told("POST", "/sub", data=form | typed).status_code == 303
    for kind, value in CANARIES.items():
        checked = told("POST", "/sub/check", json={"kind": kind, "value": value})
        assert checked.status_code == 200


def bad_input(told: Told) -> None:
    for kind, value in BAD.items():
        wrong = person(addresses=CANARIES | {kind: value})
        for method, path in (
            ("POST", "/v1/subscribers"),
            ("PUT", "/v1/subscribers/wrong"),
            ("PATCH", "/v1/subscribers/canary"),
        ):
            assert told(method, path, json=wrong).status_code == 422
        for shorthand in (value, [value], {value: value}, 7):
            told("PUT", "/v1/subscribers/wrong", json={"name": NAME, kind: shorthand})
        lines = f"{json.dumps(person(id='fine'))}\n{json.dumps(wrong)}\n{{{value}"
        assert told("POST", "/v1/subscribers", content=lines, headers=NDJSON).is_client_error
        broken = json.dumps(wrong)[:-1]
        assert told("POST", "/v1/subscribers", json=wrong | {"extra": value}).status_code == 422
        headers = {"Content-Type": "application/json"}
        for cut in (broken, broken + ",", f'{{"name":"{value}\\ud800"}}', f'{{"x":{value}}}'):
            told("PUT", "/v1/subscribers/wrong", content=cut, headers=headers)


def through_channels(told: Told) -> None:
    for title in ("raise", "print", "refuse", "retry", "said to everybody"):
        content = {"category": "sports", "title": title, "body": BODY}
        message = told("POST", "/v1/messages", json=content).json()["id"]
        until(told, message)
    told("POST", "/v1/subscribers/canary/test", json={"title": "print", "body": BODY})
    dead = told("GET", "/v1/dead-letters").json()["items"]
    assert dead
    told("POST", "/v1/dead-letters/replay?dry_run=true", json={})


def until(told: Told, message: str) -> None:
    """All that can have happened by now has: what is retried waits for longer than the test."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        counts = told("GET", f"/v1/messages/{message}").json()["deliveries"]
        states = counts["by_state"]
        if counts["total"] and not states.get("pending", 0) + states.get("sending", 0):
            return
        assert time.monotonic() < deadline, counts


def every_door(told: Told, doors: list[Door]) -> None:
    """With an address where an id, a query or a body is expected."""
    for door in doors:
        ask = told if door.service == "broker" else told.console
        if door.path == "/v1/subscribers/x" and door.method == "DELETE":
            continue
        for address in CANARIES.values():
            ask(door.method, door.path)
            ask(door.method, door.path.replace("/x", "/" + address))
            ask(door.method, f"{door.path}?subscriber={address}&cursor={address}&state={address}")
            if door.changes:
                ask(door.method, door.path, json={"category": address, "body": address})
                ask(door.method, door.path, content=address)


def printed(folder: Path, up: Up, *words: str) -> str:
    environ = os.environ | {
        "NOTEFLY_BROKER_URL": up.broker_url,
        "NOTEFLY_LOG_LEVEL": "debug",
    }
    command = [sys.executable, "-P", "-m", "notefly", *words]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_nobody_is_named(up: Up, doors: list[Door], tmp_path: Path) -> None:
    told = Told(up)
    good_input(told)
    bad_input(told)
    through_channels(told)
    every_door(told, doors)
    places = {
        "metrics": told("GET", "/metrics").text,
        "settings": told("GET", "/v1/settings").text,
        "stats": told("GET", "/v1/stats").text,
        "queue": told("GET", "/v1/queue").text,
        "doctor": printed(tmp_path, up, "doctor"),
        "config": printed(tmp_path, up, "config"),
        "verify": printed(tmp_path, up, "verify"),
    }
    told.end()
    os.kill(up.process.pid, signal.SIGTERM)
    up.process.wait(STOP_SECONDS)
    log = up.end()
    assert told.asked > 500
    assert len(told.errors) > 100
    assert '"level": "debug"' in log, "the log is not as talkative as it can be"
    for place, text in [*told.errors, *places.items()]:
        assert [word for word in NEVER if word in text] == [], (place, text)
    found = [line for line in log.splitlines() if any(word in line for word in NEVER_LOGGED)]
    assert found == []
