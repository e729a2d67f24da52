"""A store with ten million deliveries in every state there is, made by the product itself."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from benchmarks.bench import BROADCAST_ROWS, SPORTS, Bench
from benchmarks.composition import Order
from benchmarks.lines import ndjson
from benchmarks.population import Group
from benchmarks.served import Served, served

BROADCASTS = 10
FEW = 10_000
"""Small messages before and after the large ones, so that some filters have far to walk."""
AWKWARD = Group("finance", 300, ("awkward", "email"))
SMALL = Group("movies", 2)
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Library:
    """The broker on it, and what can be asked for."""

    broker: Served
    rows: int
    large: str
    messages: tuple[str, ...]
    people: tuple[str, ...]
    moments: tuple[str, ...]
    """In the middle of the large ones, and before all but the first."""


@contextmanager
def library(bench: Bench) -> Iterator[Library]:
    """Large broadcasts between small messages; then some of every awkward end."""
    order = Order("", channels="awkward")
    template = bench.shop.template("library", order, [SPORTS, SMALL, AWKWARD])
    with (
        bench.shop.fresh(template) as folder,
        served(Order(str(folder), channels="awkward")) as broker,
    ):
        yield _filled(broker)


def _filled(broker: Served) -> Library:
    line = HTTPConnection("127.0.0.1", broker.port)
    awkward = [_publish(line, "finance", "some of each")]
    _many(line, "movies")
    rows = 0
    large, moments = [], []
    for _ in range(BROADCASTS):
        done = broker.ask("broadcast", category="sports", rows=BROADCAST_ROWS)
        large.append(done["id"])
        moments.append(_get(line, f"/v1/messages/{done['id']}")["accepted_at"])
        rows += BROADCAST_ROWS
    _many(line, "movies")
    awkward += [_publish(line, "finance", body) for body in ("some of each", "hang")]
    _cancel_one(line)
    _held(line)
    rows += broker.value("SELECT total(deliveries) FROM tally") - rows
    return Library(
        broker,
        int(rows),
        large[BROADCASTS // 2],
        (large[0], large[-1], *awkward),
        ("sports-1", "sports-499999", "movies-1", "finance-3", "nobody"),
        (moments[BROADCASTS // 2], moments[1]),
    )


def _cancel_one(line: HTTPConnection) -> None:
    """Nothing of it may start: its channel is paused before it is published."""
    for name in ("email", "awkward"):
        _call(line, "POST", f"/v1/channels/{name}/pause")
    message = _publish(line, "finance", "never mind")
    _call(line, "POST", f"/v1/messages/{message}/cancel")
    for name in ("email", "awkward"):
        _call(line, "POST", f"/v1/channels/{name}/resume")
    _until(line, message, "done")


def _held(line: HTTPConnection) -> None:
    """One that stays pending, because its channels are paused."""
    for name in ("email", "awkward"):
        _call(line, "POST", f"/v1/channels/{name}/pause")
    _publish(line, "finance", "later")


def _many(line: HTTPConnection, category: str) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    line.request("POST", "/v1/messages", ndjson(FEW, category), headers)
    answer = line.getresponse()
    ids = json.loads(answer.read())["ids"]
    _until(line, ids[-1], "done")


def _publish(line: HTTPConnection, category: str, body: str) -> str:
    document = json.dumps({"category": category, "body": body})
    return str(_call(line, "POST", "/v1/messages", document)["id"])


def _until(line: HTTPConnection, message: str, state: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _get(line, f"/v1/messages/{message}")["state"] != state:
        assert time.monotonic() < deadline, f"{message} is not {state}"
        time.sleep(0.05)  # looking more often would be a load of its own


def _get(line: HTTPConnection, path: str) -> Any:
    return _call(line, "GET", path)


def _call(line: HTTPConnection, method: str, path: str, body: str | None = None) -> Any:
    line.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = line.getresponse()
    text = answer.read()
    assert answer.status in (200, 202, 204), (path, answer.status, text)
    return json.loads(text) if text else None
