"""The log under ten million rows: the first page of every filter, and a message of a million."""

import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from benchmarks.bench import Bench
from benchmarks.figures import CHANNEL_CALLED, Figure, percentile
from benchmarks.library import Library, library

PAGE_MILLISECONDS = 100
MESSAGE_MILLISECONDS = 20
STATES = ("pending", "sending", "retrying", "delivered", "dead", "cancelled")
CATEGORIES = ("sports", "movies", "finance")
CHANNELS = ("sms", "email", "push", "awkward")
Filter = dict[str, str]


def first_pages(bench: Bench) -> list[Figure]:
    """Each filter asked again and again, in turns; the worst of them is the figure."""
    turns = 20 if bench.rounds == 1 else 100
    with library(bench) as full:
        line = HTTPConnection("127.0.0.1", full.broker.port)
        pages = {_name(f): _path(f) for f in filters(full)}
        taken = _in_turns(line, pages, turns)
        short = [name for name, path in pages.items() if _cut_short(line, path)]
        one = {"message": f"/v1/messages/{full.large}"}
        message = _in_turns(line, one, turns)["message"]
        rows = full.rows
    by_filter = {name: percentile(times, 0.99) for name, times in taken.items()}
    worst = max(by_filter, key=lambda name: by_filter[name])
    more = {
        "p99_by_filter": dict(sorted(by_filter.items(), key=lambda named: -named[1])),
        "p50_by_filter": {name: percentile(times, 0.5) for name, times in taken.items()},
        "cut_short": short,
        "rows": rows,
        "built_by": "real broadcasts; the mixed states by a channel that is called per hand-over",
    }
    return [
        _most(
            f"first page of GET /v1/deliveries, {len(pages)} filters on {rows:,} rows, worst p99",
            by_filter[worst],
            PAGE_MILLISECONDS,
            turns,
            f"worst: {worst}; given up early with a cursor: {', '.join(short) or 'none'}",
            more,
        ),
        _most(
            "GET /v1/messages/{id} of a message with 1,000,000 deliveries, p99",
            percentile(message, 0.99),
            MESSAGE_MILLISECONDS,
            turns,
            "",
            {"p50": percentile(message, 0.5)},
        ),
    ]


def _most(
    name: str, value: float, most: int, turns: int, note: str, more: dict[str, Any]
) -> Figure:
    met = value <= most
    target = f"<= {most} ms"
    return Figure(name, value, "ms", None, None, target, met, turns, CHANNEL_CALLED, note, more)


def filters(full: Library) -> Iterator[Filter]:
    """None, each alone, and the pairs and more that go together badly."""
    yield {}
    yield from ({"message": message} for message in full.messages)
    yield from ({"subscriber": person} for person in full.people)
    yield from ({"category": category} for category in CATEGORIES)
    yield from ({"channel": channel} for channel in CHANNELS)
    yield from ({"state": state} for state in STATES)
    yield from ({"since": moment} for moment in full.moments)
    yield from ({"until": moment} for moment in full.moments)
    yield from _pairs(full)


def _pairs(full: Library) -> Iterator[Filter]:
    for state in STATES:
        yield from ({"state": state, "category": category} for category in CATEGORIES)
        yield from ({"state": state, "channel": channel} for channel in CHANNELS)
        yield from ({"state": state, "subscriber": person} for person in full.people)
        yield {"state": state, "message": full.large}
        yield {"state": state, "until": full.moments[1]}
    for person in full.people:
        yield {"subscriber": person, "channel": "sms", "until": full.moments[1]}
        yield {"subscriber": person, "message": full.large}
        yield {"subscriber": person, "category": "finance"}
    yield {"channel": "push", "category": "movies"}
    yield {"channel": "awkward", "category": "sports", "since": full.moments[0]}
    yield {"since": full.moments[0], "until": full.moments[1], "channel": "email"}


def _in_turns(line: HTTPConnection, paths: dict[str, str], turns: int) -> dict[str, list[float]]:
    """Milliseconds of each, one request at a time; the first turn warms up."""
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for turn in range(turns + 1):
        for name, path in paths.items():
            began = time.perf_counter()
            _get(line, path)
            if turn:
                taken[name].append((time.perf_counter() - began) * 1e3)
    return taken


def _cut_short(line: HTTPConnection, path: str) -> bool:
    """Whether a page has a cursor though it is not full."""
    page = _get(line, path)
    return page["next"] is not None and len(page["items"]) < 50


def _get(line: HTTPConnection, path: str) -> Any:
    line.request("GET", path)
    answer = line.getresponse()
    body = answer.read()
    assert answer.status == 200, (path, answer.status, body)
    return json.loads(body)


def _name(wanted: Filter) -> str:
    return " ".join(f"{k}={v[:12]}" for k, v in wanted.items()) or "none"


def _path(wanted: Filter) -> str:
    return "/v1/deliveries" + (f"?{urlencode(wanted)}" if wanted else "")
