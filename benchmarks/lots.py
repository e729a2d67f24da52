"""Many messages: 10,000 in one request, and 20,000 small ones all the way to their delivery."""

import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from benchmarks.bench import MOVIES, Bench, reference
from benchmarks.composition import Order
from benchmarks.figures import Figure, of_ratios
from benchmarks.lines import ndjson
from benchmarks.load import generator, press
from benchmarks.served import Served, served
from notefly.adapters.sqlite.connection import store_path

LINES = 10_000
REQUESTS = 10
SMALL = 20_000
ROWS_EACH = 20
AT_MOST_SECONDS = 120


def in_one_request(bench: Bench) -> list[Figure]:
    """NDJSON, one request after the other, against `executemany`."""
    product, plain = [], []
    for _ in range(bench.rounds):
        with bench.shop.fresh() as folder, served(Order(str(folder))) as broker:
            product.append(_lines_per_second(broker.url))
        with bench.shop.fresh() as folder:
            path = str(store_path(folder))
            done = reference("messages", path=path, lines=LINES, rounds=REQUESTS)
            plain.append(done["rows"] / done["seconds"])
    return [
        of_ratios(
            "NDJSON publish, 10,000 lines a request / executemany of the same rows, one commit",
            "messages/s",
            product,
            plain,
            0.3,
            note=f"{REQUESTS} requests one after the other, the engine planning meanwhile",
            more={"generator": "http.client, one connection"},
        )
    ]


def _lines_per_second(url: str) -> float:
    body = ndjson(LINES)
    parts = urlsplit(url)
    line = HTTPConnection(parts.hostname or "", parts.port)
    _publish(line, ndjson(100))
    began = time.perf_counter()
    for _ in range(REQUESTS):
        _publish(line, body)
    return LINES * REQUESTS / (time.perf_counter() - began)


def _publish(line: HTTPConnection, body: bytes) -> None:
    line.request("POST", "/v1/messages", body, {"Content-Type": "application/x-ndjson"})
    answer = line.getresponse()
    answer.read()
    assert answer.status == 202, answer.status


def small(bench: Bench) -> list[Figure]:
    """20,000 messages to ten people on two channels, against publishing to nobody."""
    product, empty = [], []
    template = bench.shop.template("small", Order(""), [MOVIES])
    for _ in range(bench.rounds):
        with bench.shop.fresh(template) as folder, served(Order(str(folder))) as broker:
            product.append(_delivered_per_second(broker))
        with bench.shop.fresh(template) as folder, served(Order(str(folder))) as broker:
            press(broker.url, 1)
            empty.append(press(broker.url, bench.press_seconds).per_second)
    return [
        of_ratios(
            "20,000 messages x 10 subscribers x 2 channels, to the last durable delivery "
            "/ durable publish",
            "messages/s",
            product,
            empty,
            0.5,
            more={"generator": generator()},
            note="log mode; from the first message's acceptance",
        )
    ]


def _delivered_per_second(broker: Served) -> float:
    press(broker.url, AT_MOST_SECONDS, MOVIES.category, SMALL)
    messages = broker.value("SELECT count(*) FROM message")
    ended = broker.ask("reach", rows=messages * ROWS_EACH)["at"]
    began = broker.value("SELECT min(accepted_at) FROM message") / 1e6
    return float(messages / (ended - began + time.time() - time.monotonic()))
