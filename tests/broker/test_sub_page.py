"""The subscriber's own page: it works without a script, and loads nothing from elsewhere."""

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import httpx2
import pytest

from tests.broker.service import Broker

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


Fields = Mapping[str, str | Sequence[str]]


def save(broker: Broker, fields: Fields) -> httpx2.Response:
    content = urlencode(fields, doseq=True)
    return broker.call("POST", "/sub", content=content, headers=FORM | BROWSER)


def page(broker: Broker, **asked: str) -> str:
    response = broker.call("GET", "/sub", params=asked, headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return response.text


def ticked(html: str, name: str) -> set[str]:
    found = re.findall(rf'name="{name}" value="([^"]*)" checked', html)
    return set(found)


def test_pick_one_of_the_mocks(start: Callable[..., Broker]) -> None:
    broker = start(mocks=True)
    html = page(broker)
    assert html.count("(mock)") >= 5
    shown = page(broker, subscriber="chloe")
    assert "Chloé Martin" in shown
    assert '<span class="tag">mock</span>' in shown
    assert ticked(shown, "get:finance") == {"sms"}
    assert ticked(shown, "get:movies") == ticked(shown, "get:sports") == {"email", "push"}


def test_register_change_and_leave(shared: Broker) -> None:
    fields: dict[str, str | Sequence[str]] = {
        "id": "",
        "name": "Page <b>Person</b>",
        "address:email": "page@example.org",
        "address:phone": "+1 202 555 0123",
        "address:push_token": "",
        "get:sports": ["sms", "email"],
        "get:movies": ["email"],
        "get:finance": ["email"],
        "action": "save",
    }
    saved = save(shared, fields)
    assert saved.status_code == 303
    address = saved.headers["Location"]
    person = re.fullmatch(r"/sub\?subscriber=([^&]+)&saved=saved", address)
    assert person is not None
    stored = shared.get(f"/v1/subscribers/{person[1]}")
    assert stored["phone"] == "+12025550123"
    assert stored["push_token"] is None
    assert stored["categories"] == ["finance", "movies", "sports"]
    assert stored["channels"] == ["email"], "what most of them have is the usual"
    assert stored["overrides"] == {"sports": ["email", "sms"]}
    html = shared.call("GET", address, headers=BROWSER).text
    assert "Saved." in html
    assert "Page &lt;b&gt;Person" in html
    assert "<b>Person" not in html

    fewer: dict[str, str | Sequence[str]] = {
        "id": person[1],
        "address:phone": "",
        "get:sports": [],
        "get:finance": [],
    }
    changed = save(shared, {**fields, **fewer})
    assert changed.headers["Location"] == address
    stored = shared.get(f"/v1/subscribers/{person[1]}")
    assert (stored["phone"], stored["categories"]) == (None, ["movies"])
    assert (stored["channels"], stored["overrides"]) == (["email"], {})

    left = save(shared, {"id": person[1], "action": "unsubscribe"})
    assert left.status_code == 303
    gone = shared.get(f"/v1/subscribers/{person[1]}")
    assert gone["categories"] == []
    assert gone["email"] == stored["email"]
    assert "nothing any more" in shared.call("GET", left.headers["Location"], headers=BROWSER).text


def test_what_is_wrong_is_marked_and_nothing_typed_is_lost(shared: Broker) -> None:
    fields = {
        "id": "",
        "name": "Typing",
        "address:email": "not-an-address",
        "get:movies": ["sms"],
        "action": "save",
    }
    response = save(shared, fields)
    assert response.status_code == 422
    html = response.text
    assert 'value="not-an-address"' in html
    assert 'value="Typing"' in html
    assert 'aria-invalid="true"' in html
    assert "sms is chosen, but there is no phone address" in html
    assert ticked(html, "get:movies") == {"sms"}
    assert ticked(html, "get:sports") == set()
    empty = save(shared, fields | {"name": " "})
    assert "Nothing was saved" in empty.text


@pytest.mark.parametrize(
    "body", [b"", b"\xff=\xff", b"name=%ff", b"&&&", b"a=1&" * 3_000, b"get:x=y&get:%00=%00"]
)
def test_hostile_forms(shared: Broker, body: bytes) -> None:
    response = shared.call("POST", "/sub", content=body, headers=FORM)
    assert response.status_code in (400, 422)


def test_somebody_unknown(shared: Broker) -> None:
    response = shared.call("GET", "/sub?subscriber=nobody", headers=BROWSER)
    assert response.status_code == 404
    assert "there is no subscriber" in response.text
    assert save(shared, {"id": "nobody", "name": "x"}).status_code == 404
    assert save(shared, {"id": "nobody", "action": "unsubscribe"}).status_code == 404


def test_only_forms(shared: Broker) -> None:
    assert shared.call("POST", "/sub", json={"name": "x"}).status_code == 415


@pytest.mark.parametrize(
    "header", [{"Origin": "http://localhost:5000"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_not_from_other_pages(shared: Broker, header: dict[str, str]) -> None:
    content = urlencode({"name": "forged"})
    response = shared.call("POST", "/sub", content=content, headers=FORM | header)
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("kind", "value", "spelled"),
    [
        ("email", "Ada@EXAMPLE.org", "Ada@example.org"),
        ("email", "nope", None),
        ("phone", "+1 (202) 555-0123", "+12025550123"),
        ("phone", "12", None),
        ("push_token", "tok", "tok"),
        ("push_token", "a b", None),
    ],
)
def test_addresses_are_looked_at(
    shared: Broker, kind: str, value: str, spelled: str | None
) -> None:
    seen = shared.call("POST", "/sub/check", json={"kind": kind, "value": value}).json()
    assert (seen["kind"], seen["value"]) == (kind, spelled)
    assert (seen["problem"] is None) == (spelled is not None)


def test_kinds_that_nobody_uses(shared: Broker) -> None:
    response = shared.call("POST", "/sub/check", json={"kind": "fax", "value": "1"})
    assert response.status_code == 422


def test_everything_comes_from_here(shared: Broker) -> None:
    html = page(shared)
    assert "style=" not in html
    assert "<style" not in html
    assert not re.search(r"<script(?![^>]*src=)", html)
    for link in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert link.startswith("/") or link == "data:,"
        assert link == "data:," or shared.http.get(link).status_code == 200


def test_ids_that_need_escaping(shared: Broker) -> None:
    shared.put("a:b~c@d", name='"><script>alert(1)</script>')
    html = page(shared, subscriber="a:b~c@d")
    assert "<script>alert" not in html
    assert 'data-stream="/sub?subscriber=a%3Ab~c%40d"' in html
