"""Bodies that bring more than was asked for, or nothing that can be read."""

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.broker.service import Broker, pointers
from tests.hostile.wire import messages

JSON = {"Content-Type": "application/json"}


class TestMassAssignment:
    """What the server decides cannot be sent along."""

    OF_MESSAGES = (
        "id", "key", "epoch", "state", "accepted_at", "cancelled_at", "created_at", "owner",
        "only", "only_subscriber", "audience", "total", "deliveries", "counts", "mock", "attempts",
        "channels", "idempotency_key", "replayed", "__class__", "model_config",
    )  # fmt: skip
    OF_PEOPLE = ("key", "epoch", "erased_at", "erased", "owner", "state", "revision", "__proto__")

    @pytest.mark.parametrize("field", OF_MESSAGES)
    def test_messages(self, target: Broker, field: str) -> None:
        before = messages(target)
        values: list[Any] = ["x", 1, True, None, {}, []]
        for value in values:
            sent = {"category": "sports", "body": "x", field: value}
            for path in ("/v1/messages", "/v1/messages?dry_run=true"):
                assert pointers(target.call("POST", path, json=sent)) == [f"/{field}"]
            test = {"category": "sports", field: value}
            refused = target.call("POST", "/v1/subscribers/warm-1/test", json=test)
            assert f"/{field}" in pointers(refused)
        assert messages(target) == before

    @pytest.mark.parametrize("field", OF_PEOPLE)
    def test_people(self, target: Broker, field: str) -> None:
        target.put("assigned", name="x")
        for method in ("PUT", "PATCH"):
            sent = {"name": "y", field: 1}
            refused = target.call(method, "/v1/subscribers/assigned", json=sent)
            assert pointers(refused) == [f"/{field}"]
        assert target.get("/v1/subscribers/assigned")["name"] == "x"

    def test_times_of_people_are_ignored_as_documented(self, target: Broker) -> None:
        long_ago = "1999-01-01T00:00:00Z"
        stored = target.put("timed", name="x", created_at=long_ago, updated_at=long_ago)
        assert stored["created_at"] > "2000"
        assert stored["updated_at"] > "2000"
        schema = target.document["components"]["schemas"]["SubscriberIn"]["properties"]
        for field in ("created_at", "updated_at"):
            assert "ignored" in schema[field]["description"]

    def test_an_id_in_the_body_is_that_of_the_path(self, target: Broker) -> None:
        sent = {"name": "x", "id": "another"}
        assert target.call("PUT", "/v1/subscribers/this", json=sent).status_code == 422
        assert target.call("GET", "/v1/subscribers/another").status_code == 404


class TestBodies:
    """Numbers, names and encodings that another parser would see otherwise."""

    @pytest.mark.parametrize(
        "coding", ["gzip", "deflate", "br", "zstd", "x-gzip", "gzip, identity"]
    )
    def test_nothing_is_unpacked(self, target: Broker, coding: str) -> None:
        bomb = (
            zlib.compress(b"0" * 50_000_000)
            if coding == "deflate"
            else gzip.compress(b"0" * 50_000_000)
        )
        headers = JSON | {"Content-Encoding": coding}
        for method, path in (
            ("POST", "/v1/messages"),
            ("POST", "/v1/messages?dry_run=true"),
            ("POST", "/v1/subscribers"),
            ("PUT", "/v1/subscribers/x"),
            ("PATCH", "/v1/subscribers/x"),
            ("POST", "/v1/dead-letters/replay"),
        ):  # fmt: skip
            assert target.call(method, path, content=bomb, headers=headers).status_code == 415
        lines = headers | {"Content-Type": "application/x-ndjson"}
        assert target.call("POST", "/v1/messages", content=bomb, headers=lines).status_code == 415

    @pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1" + "0" * 5_000, "0.1e-999"])
    def test_huge_numbers(self, target: Broker, number: str) -> None:
        for field in ("body", "title", "expires_at", "category"):
            whole = {"category": '"sports"', "body": '"x"'} | {field: number}
            sent = "{" + ",".join(f'"{name}":{value}' for name, value in whole.items()) + "}"
            refused = target.call("POST", "/v1/messages", content=sent, headers=JSON)
            assert refused.status_code in (400, 422)
        for name in ("limit", "cursor"):
            found = target.call("GET", "/v1/messages", params={name: number}).status_code
            assert found == 422

    def test_of_two_fields_of_one_name_the_last_counts_in_both_lanes(self, target: Broker) -> None:
        twice = b'{"category":"movies","body":"first","category":"sports","body":"last"}'
        for path in ("/v1/messages", "/v1/messages?dry_run=false"):
            accepted = target.call("POST", path, content=twice, headers=JSON)
            assert accepted.status_code == 202
            shown = target.get(f"/v1/messages/{accepted.json()['id']}")
            assert (shown["category"], shown["body"]) == ("sports", "last")
        lines = {"Content-Type": "application/x-ndjson"}
        many = target.call("POST", "/v1/messages", content=twice, headers=lines)
        [one] = many.json()["ids"]
        assert target.get(f"/v1/messages/{one}")["body"] == "last"

    def test_oversize_bodies_are_refused_however_they_are_framed(self, target: Broker) -> None:
        large = json.dumps({"category": "sports", "body": "x" * 300_000}).encode()

        def pieces() -> Any:
            for at in range(0, len(large), 10_000):
                yield large[at : at + 10_000]

        for content in (large, pieces()):
            refused = target.call("POST", "/v1/messages", content=content, headers=JSON)
            assert refused.status_code == 413
