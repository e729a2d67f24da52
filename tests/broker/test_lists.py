"""Lists: page by page, and as JSON, NDJSON or CSV."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from notefly.broker.paging import as_csv
from tests.broker.service import Broker, pointers


@pytest.fixture(scope="module")
def broker(start_for_all: Callable[..., Broker]) -> Broker:
    """With seven people and five messages."""
    broker = start_for_all()
    for n in range(7):
        broker.put(
            f"p{n}",
            name=f"=HYPERLINK({n})",
            phone="+12025550123",
            categories=["sports"],
            channels=["sms"],
        )
    for n in range(5):
        broker.done(broker.publish(category="sports", title=f"@{n}", body='a, "b"\nc')["id"])
    return broker


@pytest.mark.parametrize(
    ("path", "size"), [("/v1/subscribers", 7), ("/v1/messages", 5), ("/v1/deliveries", 35)]
)
def test_pages_hold_everything_once(broker: Broker, path: str, size: int) -> None:
    for limit in (1, 3, 1_000):
        ids = [entry["id"] for entry in broker.pages(path, limit=limit)]
        assert len(ids) == len(set(ids)) == size


def test_the_next_page_is_linked(broker: Broker) -> None:
    first = broker.call("GET", "/v1/deliveries", params={"limit": 20, "channel": "sms"})
    link = first.headers["Link"]
    assert link.endswith('>; rel="next"')
    address = link[1:].partition(">")[0]
    assert "channel=sms" in address
    assert "limit=20" in address
    second = broker.call("GET", address)
    assert len(second.json()["items"]) == 15
    assert second.json()["next"] is None
    assert "Link" not in second.headers


def test_messages_of_a_category(broker: Broker) -> None:
    assert len(broker.get("/v1/messages", category="sports")["items"]) == 5
    assert broker.get("/v1/messages", category="movies")["items"] == []
    assert broker.get("/v1/messages", category="weather")["items"] == []


def test_people_by_a_part_of_id_or_name(broker: Broker) -> None:
    assert [one["id"] for one in broker.pages("/v1/subscribers", q="P3")] == ["p3"]
    found = broker.call("GET", "/v1/subscribers", params={"q": "hyper", "limit": 5})
    assert len(found.json()["items"]) == 5
    assert "q=hyper" in found.headers["Link"]
    assert broker.get("/v1/subscribers", q="+1202")["items"] == [], "addresses are not looked at"
    for wrong in ("", "x" * 201, "nul\0", "two\nlines"):
        refused = broker.call("GET", "/v1/subscribers", params={"q": wrong})
        assert (refused.status_code, pointers(refused)) == (422, ["/q"])


def test_as_ndjson(broker: Broker) -> None:
    response = broker.call(
        "GET", "/v1/subscribers", headers={"Accept": "application/x-ndjson"}, params={"limit": 3}
    )
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert response.headers["Vary"] == "Accept"
    assert "Link" in response.headers
    entries = [json.loads(line) for line in response.text.splitlines()]
    assert entries == broker.get("/v1/subscribers", limit=3)["items"]


@pytest.mark.parametrize("path", ["/v1/subscribers", "/v1/messages", "/v1/deliveries"])
def test_as_csv(broker: Broker, path: str) -> None:
    response = broker.call("GET", path, headers={"Accept": "text/csv"})
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    entries = broker.get(path)["items"]
    assert [row["id"] for row in rows] == [entry["id"] for entry in entries]
    assert list(rows[0]) == list(entries[0])
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
    if path == "/v1/messages":
        assert rows[0]["body"] == 'a, "b"\nc'
        assert json.loads(rows[0]["deliveries"])["total"] == 7


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json;q=1, text/csv;q=0.5"])
def test_as_json_else(broker: Broker, accept: str) -> None:
    response = broker.call("GET", "/v1/messages", headers={"Accept": accept})
    assert response.headers["Content-Type"] == "application/json"


def test_an_empty_csv_has_its_header(shared: Broker) -> None:
    response = shared.call("GET", "/v1/deliveries?channel=fax", headers={"Accept": "text/csv"})
    assert response.text.startswith("id,message_id,category,channel,subscriber_id")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("plain", "plain"),
        (None, ""),
        (True, "True"),
        (7, "7"),
        (["a", "b"], '["a", "b"]'),
        ({}, "{}"),
    ],
)
def test_cells(value: object, cell: str) -> None:
    assert list(csv.reader(io.StringIO(as_csv(["x"], [{"x": value}]))))[1:] in ([[cell]], [[]])


def test_what_is_configured(shared: Broker) -> None:
    categories = shared.get("/v1/categories")
    assert categories["items"] == [{"name": n} for n in ("finance", "movies", "sports")]
    channels = {one["name"]: one for one in shared.get("/v1/channels")["items"]}
    assert set(channels) == {"sms", "email", "push"}
    assert channels["sms"]["address_kind"] == "phone"
    assert set(channels["sms"]) == {"name", "address_kind", "paused", "batch_size"}


def test_new_messages_do_not_move_a_page(start: Callable[..., Broker]) -> None:
    broker = start()
    for n in range(5):
        broker.publish(category="sports", title=f"{n}", body="x")
    first = broker.get("/v1/messages", limit=2)
    broker.publish(category="sports", body="new")
    second = broker.get("/v1/messages", limit=2, cursor=first["next"])
    titles = [one["title"] for one in [*first["items"], *second["items"]]]
    assert titles == ["4", "3", "2", "1"], "newest first"
