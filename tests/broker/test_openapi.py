"""The document tells of every route, and of nothing else; what is answered fits its schemas."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from notefly.broker.app import GROUPS, BrokerApp
from notefly.broker.openapi_texts import HEADERS
from tests.broker.service import Broker, Json

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


async def test_every_route_is_described_and_the_other_way_round(app: BrokerApp) -> None:
    client = app.test_client()
    response = await client.get("/openapi.json", headers={"Host": "localhost"})
    document = await response.get_json()
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    routed = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in (rule.methods or set()) & METHODS
    }
    assert described == routed
    assert len(described) == sum(len(group.routes) for group in GROUPS)


def test_the_table_of_the_design_is_there(shared: Broker) -> None:
    paths = shared.document["paths"]
    assert shared.document["openapi"].startswith("3.1")
    for call in (
        "POST /v1/messages",
        "GET /v1/messages",
        "GET /v1/messages/{message_id}",
        "POST /v1/messages/{message_id}/cancel",
        "GET /v1/deliveries",
        "GET /v1/deliveries/{delivery_id}",
        "POST /v1/deliveries/{delivery_id}/replay",
        "POST /v1/dead-letters/replay",
        "GET /v1/dead-letters",
        "POST /v1/subscribers",
        "GET /v1/subscribers",
        "PUT /v1/subscribers/{subscriber_id}",
        "GET /v1/subscribers/{subscriber_id}",
        "PATCH /v1/subscribers/{subscriber_id}",
        "DELETE /v1/subscribers/{subscriber_id}",
        "GET /v1/subscribers/{subscriber_id}/preferences",
        "PUT /v1/subscribers/{subscriber_id}/preferences",
        "POST /v1/subscribers/{subscriber_id}/test",
        "GET /v1/categories",
        "GET /v1/channels",
        "POST /v1/channels/{name}/pause",
        "POST /v1/channels/{name}/resume",
        "GET /v1/stats",
        "GET /v1/chaos",
        "PUT /v1/chaos",
        "GET /v1/queue",
        "GET /v1/settings",
        "GET /v1/events",
        "GET /sub",
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "GET /openapi.json",
        "GET /docs",
    ):
        method, path = call.split()
        assert method.lower() in paths[path], call


def test_statuses_that_bodies_and_ids_bring(shared: Broker) -> None:
    for path, methods in shared.document["paths"].items():
        for method, operation in methods.items():
            answers = set(operation["responses"])
            assert {"421", "500", "503"} <= answers
            assert ("{" not in path) or "404" in answers
            if "requestBody" in operation:
                assert {"400", "403", "408", "413", "415", "422"} <= answers, (method, path)
    publish = shared.document["paths"]["/v1/messages"]["post"]
    assert {"200", "202"} <= set(publish["responses"])
    assert set(publish["requestBody"]["content"]) == {"application/json", "application/x-ndjson"}
    assert "Idempotency-Key" in {one["name"] for one in publish["parameters"]}


def test_references_lead_somewhere(shared: Broker) -> None:
    schemas = shared.document["components"]["schemas"]
    found = set(_references(shared.document))
    assert found <= {f"#/components/schemas/{name}" for name in schemas}
    assert not [name for name in schemas if not re.fullmatch(r"\w+", name)]
    operations = [o for methods in shared.document["paths"].values() for o in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


@pytest.fixture(scope="module")
def busy(shared: Broker) -> Json:
    """Something of everything."""
    person = shared.put(
        "documented", name="x", phone="+12025550123", categories=["sports"], channels=["sms"]
    )
    accepted = shared.publish(category="sports", title="T", body="B")
    shared.done(accepted["id"])
    [delivery] = shared.deliveries(message=accepted["id"], subscriber="documented")
    return {
        "subscriber_id": person["id"],
        "message_id": accepted["id"],
        "delivery_id": delivery["id"],
    }


def test_what_is_read_fits_what_is_declared(shared: Broker, busy: Json) -> None:
    checked = 0
    for group in GROUPS:
        for route in group.routes:
            gives = route.operation.gives.get(200)
            if route.method != "GET" or gives is None or "application/json" not in gives.media:
                continue
            shown = shared.get(route.path.format(**busy))
            adapter: TypeAdapter[Any] = TypeAdapter(gives.kind)
            for value in shown["items"] if gives.paged else [shown]:
                adapter.validate_python(value, strict=False, extra="forbid")
                checked += 1
    assert checked > 15


def test_headers_are_explained(shared: Broker) -> None:
    for group in GROUPS:
        for route in group.routes:
            for gives in route.operation.gives.values():
                assert set(gives.headers) <= set(HEADERS)


def test_docs_load_nothing_from_elsewhere(shared: Broker) -> None:
    page = shared.call("GET", "/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        if link == "data:,":
            continue
        assert link.startswith("/")
        assert shared.http.get(link).status_code == 200, link


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for member in value.values() for ref in _references(member)]
    if isinstance(value, list):
        return [ref for member in value for ref in _references(member)]
    return []


def test_examples_work_as_they_stand(start: Callable[..., Broker]) -> None:
    """On a fresh store with the mocks; what nothing has happened to yet is not there."""
    broker = start(mocks=True)
    tried = 0
    for path, methods in broker.document["paths"].items():
        for method, operation in methods.items():
            places = {p["name"]: p.get("example", "none") for p in operation.get("parameters", ())}
            for media, sent in operation.get("requestBody", {}).get("content", {}).items():
                if "form" in media:
                    continue
                body = sent["example"]
                content = body if isinstance(body, str) else json.dumps(body)
                answer = broker.call(
                    method.upper(),
                    path.format_map(places),
                    content=content,
                    headers={"Content-Type": media},
                )
                tried += 1
                assert answer.is_success or "delivery_id" in path, (method, path, answer.text)
    assert tried >= 13
