"""Subscribers: what is written is what is shown, and what is shown can be written."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.broker.service import Broker, pointers

FULL: dict[str, Any] = {
    "name": "Ada \N{SNOWMAN}",
    "email": "ada@example.org",
    "phone": "+12025550123",
    "push_token": "token-!~",
    "categories": ["movies", "sports"],
    "channels": ["email", "sms"],
    "overrides": {"finance": [], "sports": ["push"]},
}
STAMPS = ("created_at", "updated_at")


def without_stamps(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in STAMPS}


def test_created_shown_replaced(shared: Broker) -> None:
    response = shared.call("PUT", "/v1/subscribers/ada", json=FULL)
    assert response.status_code == 201
    assert response.headers["Location"] == "/v1/subscribers/ada"
    shown = shared.get("/v1/subscribers/ada")
    assert shown == response.json()
    assert {name: shown[name] for name in FULL} == FULL
    assert (shown["id"], shown["addresses"], shown["mock"]) == ("ada", {}, False)
    again = shared.call("PUT", "/v1/subscribers/ada", json={"name": "Only a name"})
    assert again.status_code == 200
    reset = again.json()
    assert reset["created_at"] == shown["created_at"]
    assert without_stamps(reset) == {
        "id": "ada",
        "name": "Only a name",
        "email": None,
        "phone": None,
        "push_token": None,
        "addresses": {},
        "categories": [],
        "channels": [],
        "overrides": {},
        "mock": False,
    }


@pytest.mark.parametrize(
    "change", [{}, {"mock": True}, {"overrides": {}}, {"email": None, "channels": ["sms"]}]
)
def test_put_takes_what_get_shows(shared: Broker, change: dict[str, Any]) -> None:
    shared.put("round-trip", **FULL | change)
    shown = shared.get("/v1/subscribers/round-trip")
    written = shared.put("round-trip", **shown)
    assert without_stamps(written) == without_stamps(shown)
    assert written["created_at"] == shown["created_at"]
    assert shared.get("/v1/subscribers/round-trip") == written


def test_preferences_put_takes_what_get_shows(shared: Broker) -> None:
    shared.put("preferences", **FULL)
    shown = shared.get("/v1/subscribers/preferences/preferences")
    assert shown == {name: FULL[name] for name in ("categories", "channels", "overrides")}
    path = "/v1/subscribers/preferences/preferences"
    assert shared.call("PUT", path, json=shown).json() == shown
    empty: dict[str, Any] = {"categories": [], "channels": [], "overrides": {}}
    assert shared.call("PUT", path, json={}).json() == empty
    assert shared.get("/v1/subscribers/preferences")["email"] == FULL["email"]


def test_one_choice_leaves_the_others_alone(shared: Broker) -> None:
    shared.put("choosing", **FULL | {"categories": [], "overrides": {}, "channels": []})
    path = "/v1/subscribers/choosing/preferences"
    cells = [(c, way) for c in ("finance", "movies", "sports") for way in ("sms", "email")]

    def choose(cell: tuple[str, str]) -> int:
        wanted = {"category": cell[0], "channel": cell[1], "chosen": True}
        return shared.call("PATCH", path, json=wanted).status_code

    with ThreadPoolExecutor(len(cells)) as pool:
        assert set(pool.map(choose, cells)) == {200}
    both = ["email", "sms"]
    assert shared.get(path)["overrides"] == dict.fromkeys(("finance", "movies", "sports"), both)
    usual = shared.call("PATCH", path, json={"channel": "sms", "chosen": True}).json()
    assert (usual["channels"], len(usual["categories"])) == (["sms"], 3)


@pytest.mark.parametrize(
    ("choice", "where"),
    [
        ({"category": "weather", "channel": "sms", "chosen": True}, "/category"),
        ({"category": "sports", "channel": "fax", "chosen": True}, "/channel"),
        ({"channel": "fax", "chosen": True}, "/channel"),
        ({"channel": "fax", "chosen": False}, "/channel"),
        ({"channel": "sms", "chosen": "yes"}, "/chosen"),
        ({"channel": "sms"}, "/chosen"),
        ({"chosen": True}, "/channel"),
    ],
)
def test_a_choice_that_cannot_be(shared: Broker, choice: dict[str, Any], where: str) -> None:
    shared.put("choosing-2", **FULL)
    path = "/v1/subscribers/choosing-2/preferences"
    before = shared.get(path)
    assert where in pointers(shared.call("PATCH", path, json=choice))
    assert shared.get(path) == before
    missing = shared.call("PATCH", "/v1/subscribers/nobody/preferences", json=choice)
    assert missing.status_code in (404, 422)


def test_lists_are_sets(shared: Broker) -> None:
    shown = shared.put("sets", **FULL | {"categories": ["sports", "movies", "sports"]})
    assert shown["categories"] == ["movies", "sports"]


def test_addresses_have_one_spelling(shared: Broker) -> None:
    shown = shared.put("spelling", name="x", phone="+1 (202) 555-0123", email="X@EXAMPLE.org")
    assert (shown["phone"], shown["email"]) == ("+12025550123", "X@example.org")


def test_shorthand_and_addresses_are_the_same(shared: Broker) -> None:
    same = {"email": "a@example.org", "addresses": {"email": "a@example.org"}}
    assert shared.put("both", name="x", **same)["email"] == "a@example.org"
    other = {"email": "a@example.org", "addresses": {"email": "b@example.org"}}
    for method in ("PUT", "PATCH"):
        response = shared.call(method, "/v1/subscribers/both", json={"name": "x"} | other)
        assert pointers(response) == ["/email"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"email": "nope"}, "/email"),
        ({"addresses": {"email": "nope"}, "email": None}, "/addresses/email"),
        ({"phone": "0123"}, "/phone"),
        ({"push_token": ""}, "/push_token"),
        ({"push_token": "x" * 4_097}, "/push_token"),
        ({"push_token": "with space"}, "/push_token"),
        ({"addresses": {"fax": "1"}}, "/addresses/fax"),
        ({"addresses": {"email": None}}, "/addresses/email"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "nul\0"}, "/name"),
        ({"name": None}, "/name"),
        ({"categories": ["weather"]}, "/categories"),
        ({"categories": [1]}, "/categories/0"),
        ({"categories": "sports"}, "/categories"),
        ({"channels": ["fax"]}, "/channels"),
        ({"overrides": {"weather": []}}, "/overrides/weather"),
        ({"overrides": {"sports": ["fax"]}}, "/overrides/sports"),
        ({"overrides": {"sports": "sms"}}, "/overrides/sports"),
        ({"phone": None}, "/channels"),
        ({"push_token": None}, "/overrides/sports"),
        ({"id": "somebody else"}, "/id"),
        ({"mock": "yes"}, "/mock"),
        ({"key": 1}, "/key"),
    ],
)
def test_refused(shared: Broker, change: dict[str, Any], where: str) -> None:
    response = shared.call("PUT", "/v1/subscribers/refused", json=FULL | change)
    assert response.status_code == 422
    assert where in pointers(response), response.json()
    assert shared.call("GET", "/v1/subscribers/refused").status_code == 404


@pytest.mark.parametrize("wanted", ["a b", "ä", "x" * 129, "%2f", "a\tb"])
def test_ids_that_cannot_be(shared: Broker, wanted: str) -> None:
    response = shared.call("POST", "/v1/subscribers", json={"name": "x", "id": wanted})
    assert (response.status_code, pointers(response)) == (422, ["/id"])


@pytest.mark.parametrize("wanted", ["a", "x" * 128, "A.b_c~d@e:f-1", "..", "~"])
def test_ids_that_can_be(shared: Broker, wanted: str) -> None:
    response = shared.call("POST", "/v1/subscribers", json={"name": "x", "id": wanted})
    assert (response.status_code, response.json()["id"]) == (201, wanted)


def test_without_an_id_one_is_made(shared: Broker) -> None:
    first = shared.call("POST", "/v1/subscribers", json={"name": "x"})
    second = shared.call("POST", "/v1/subscribers", json={"name": "x"})
    assert first.json()["id"] != second.json()["id"]
    assert shared.get(first.headers["Location"]) == first.json()


class TestPatch:
    """What is not given stays."""

    def test_fields(self, shared: Broker) -> None:
        shared.put("patched", **FULL)
        response = shared.call("PATCH", "/v1/subscribers/patched", json={"name": "New"})
        assert response.status_code == 200
        assert {n: response.json()[n] for n in FULL} == FULL | {"name": "New"}
        shared.call("PATCH", "/v1/subscribers/patched", json={"categories": [], "overrides": {}})
        shown = shared.get("/v1/subscribers/patched")
        assert (shown["categories"], shown["overrides"]) == ([], {})
        assert shown["channels"] == FULL["channels"]

    def test_addresses_one_by_one(self, shared: Broker) -> None:
        shared.put("patched-2", **FULL)
        change = {"email": "new@example.org", "addresses": {"push_token": None}, "overrides": {}}
        shown = shared.call("PATCH", "/v1/subscribers/patched-2", json=change).json()
        assert (shown["email"], shown["push_token"]) == ("new@example.org", None)
        assert shown["phone"] == FULL["phone"]
        gone = shared.call("PATCH", "/v1/subscribers/patched-2", json={"phone": None})
        assert pointers(gone) == ["/channels"], "a chosen channel needs its address"

    def test_refused(self, shared: Broker) -> None:
        shared.put("patched-3", **FULL)
        for change, where in (
            ({"name": None}, "/name"),
            ({"email": "nope"}, "/email"),
            ({"mock": True}, "/mock"),
            ({"categories": None}, "/categories"),
        ):
            response = shared.call("PATCH", "/v1/subscribers/patched-3", json=change)
            assert pointers(response) == [where]
        missing = shared.call("PATCH", "/v1/subscribers/nobody", json={"name": "x"})
        assert missing.status_code == 404


def test_erased_is_gone_and_may_come_back(shared: Broker) -> None:
    first = shared.put("erased", **FULL)
    assert shared.call("DELETE", "/v1/subscribers/erased").status_code == 204
    assert shared.call("GET", "/v1/subscribers/erased").status_code == 404
    assert shared.call("DELETE", "/v1/subscribers/erased").status_code == 404
    assert "erased" not in {one["id"] for one in shared.pages("/v1/subscribers", limit=1_000)}
    back = shared.put("erased", name="Somebody else")
    assert back["email"] is None
    assert back["created_at"] > first["created_at"]
