"""A personal link opens one person's page, and nothing else opens it where keys are required."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from notefly.domain.access import Scope, read_link
from notefly.domain.ids import SubscriberId
from tests.broker.holders import bearer, key_for, link_secret
from tests.broker.service import PATIENCE_SECONDS, Broker, assert_problem
from tests.broker.test_sub_page import BROWSER, FORM, ticked

PHONE = {"phone": "+12025550123", "categories": ["sports"], "channels": ["sms"]}
STREAM = {"Accept": "text/event-stream"}


class Locked:
    """A broker that wants keys, somebody with the scope to make links, and two subscribers."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.broker = broker
        self.folder = folder
        self.admin = bearer(key_for(folder, Scope.ADMIN))
        for person in ("ada", "ben"):
            self.put(person)

    def put(self, person: str) -> None:
        body = PHONE | {"name": person.title()}
        put = self.broker.call("PUT", f"/v1/subscribers/{person}", json=body, headers=self.admin)
        assert put.status_code in (200, 201)

    def link(self, person: str, **asked: int) -> str:
        """The token of a new one."""
        path = f"/v1/subscribers/{person}/link"
        made = self.broker.call("POST", path, json=asked, headers=self.admin)
        assert made.status_code == 200, made.text
        url = urlsplit(made.json()["url"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{self.broker.url}/sub"
        return str(parse_qs(url.query)["link"][0])

    def show(self, token: str, **asked: str) -> httpx2.Response:
        return self.broker.call("GET", "/sub", params={"link": token} | asked, headers=BROWSER)

    def save(self, token: str, fields: Mapping[str, str | Sequence[str]]) -> httpx2.Response:
        path = f"/sub?{urlencode({'link': token})}"
        content = urlencode(fields, doseq=True)
        return self.broker.call("POST", path, content=content, headers=FORM | BROWSER)

    def person(self, person: str) -> dict[str, object]:
        found = self.broker.call("GET", f"/v1/subscribers/{person}", headers=self.admin)
        return dict(found.json())


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("links") / "data"
    broker = Broker(folder, require_keys=True)
    yield Locked(broker, folder)
    assert broker.stop() == 0


def test_the_page_of_one_person(locked: Locked) -> None:
    page = locked.show(locked.link("ada"))
    assert page.status_code == 200
    assert 'value="Ada"' in page.text
    assert ticked(page.text, "get:sports") == {"sms"}
    assert "Ben" not in page.text
    assert "picker" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert not re.search("nf_|[0-9a-f]{64}", page.text)


def test_changing_and_leaving(locked: Locked) -> None:
    token = locked.link("ada")
    fields = {"id": "ada", "name": "Ada L.", "address:phone": "+12025550124"}
    saved = locked.save(token, fields | {"get:movies": "sms"})
    assert saved.status_code == 303
    assert saved.headers["Location"] == f"/sub?link={token}&saved=saved"
    shown = locked.broker.call("GET", saved.headers["Location"], headers=BROWSER)
    assert "Saved." in shown.text
    found = locked.person("ada")
    assert (found["name"], found["categories"]) == ("Ada L.", ["movies"])
    wrong = locked.save(token, fields | {"name": " "})
    assert wrong.status_code == 422
    assert wrong.headers["Cache-Control"] == "no-store"
    assert wrong.headers["Referrer-Policy"] == "same-origin"
    assert f'action="/sub?link={token}"' in wrong.text
    left = locked.save(token, {"action": "unsubscribe"})
    assert left.headers["Location"] == f"/sub?link={token}&saved=left"
    assert locked.person("ada")["categories"] == []
    locked.put("ada")


def test_the_script_of_the_page_uses_the_link_too(locked: Locked) -> None:
    page = locked.show(locked.link("ada")).text
    check = re.search('data-check="([^"]+)"', page)
    stream = re.search('data-stream="([^"]+)"', page)
    assert check is not None
    assert stream is not None
    asked = {"kind": "email", "value": "nope"}
    assert locked.broker.call("POST", check[1], json=asked).json()["problem"]
    assert locked.broker.call("POST", "/sub/check", json=asked).status_code == 401
    with locked.broker.http.stream("GET", stream[1], headers=STREAM) as live:
        assert live.status_code == 200
        assert next(live.iter_lines()).startswith("retry:")
    assert locked.broker.call("GET", "/sub", headers=STREAM).status_code == 401


def test_other_pages_cannot_use_somebodys_link(locked: Locked) -> None:
    path = f"/sub?{urlencode({'link': locked.link('ada')})}"
    for header in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = locked.broker.call(
            "POST", path, content=b"action=unsubscribe", headers=FORM | header
        )
        assert answer.status_code == 403
    assert locked.person("ada")["categories"] == ["sports"]


def test_nothing_else_opens_with_it(locked: Locked) -> None:
    token = locked.link("ada")
    for path in ("/v1/subscribers/ada", "/v1/messages", "/v1/subscribers/ada/preferences"):
        for headers in ({}, bearer(token)):
            query = f"{path}?{urlencode({'link': token})}"
            assert locked.broker.call("GET", query, headers=headers).status_code == 401


def test_every_link_that_opens_nothing_is_answered_alike(locked: Locked) -> None:
    """Unknown, foreign, expired, altered and erased: status, headers and body are the same."""
    locked.put("eve")
    erased, ben = locked.link("eve"), locked.link("ben")
    secret = link_secret(locked.folder)
    known = read_link(ben, secret)
    assert known is not None
    nobody = replace(known, subscriber=SubscriberId("benx")).signed(secret)
    expired = replace(known, expires_at=datetime.now(UTC) - timedelta(seconds=1)).signed(secret)
    gone = locked.broker.call("DELETE", "/v1/subscribers/eve", headers=locked.admin)
    assert gone.status_code == 204
    locked.put("eve")
    tokens = [erased, nobody, expired, known.signed(b"other"), ben[:-4], "", "x", "a.b"]
    seen = {_answer(locked.show(token)) for token in tokens}
    seen.add(_answer(locked.show(ben, subscriber="ada")))
    seen.add(_answer(locked.show(ben, subscriber="unheard-of")))
    assert len(seen) == 1
    assert b"This page opens by a personal link" in next(iter(seen))[2]
    changing = {_answer(locked.save(token, {"action": "unsubscribe"})) for token in tokens}
    changing.add(_answer(locked.save(ben, {"id": "ada", "action": "unsubscribe"})))
    changing.add(_answer(locked.save(ben, {"id": "ada", "name": "Mallory"})))
    changing.add(_answer(locked.save(ben, {"id": "unheard-of", "name": "Mallory"})))
    assert len(changing) == 1
    assert next(iter(changing))[0] == next(iter(seen))[0] == 403
    for person in ("ada", "ben", "eve"):
        assert locked.person(person)["name"] == person.title()
        assert locked.person(person)["categories"] == ["sports"]
    streams = {
        _answer(locked.broker.call("GET", "/sub", params={"link": token}, headers=STREAM))
        for token in tokens
    }
    assert len(streams) == 1


def _answer(response: httpx2.Response) -> tuple[int, str, bytes]:
    headers = {name: value for name, value in response.headers.items() if name != "date"}
    return response.status_code, str(sorted(headers.items())), response.content


def test_without_a_link_people_are_told_how_the_page_opens(locked: Locked) -> None:
    for path in ("/sub", "/sub?subscriber=ada", "/sub?subscriber=unheard-of"):
        page = locked.broker.call("GET", path, headers=BROWSER)
        assert page.status_code == 401
        assert "This page opens by a personal link" in page.text
    form = {"content": b"id=ada&action=unsubscribe", "headers": FORM | BROWSER}
    assert locked.broker.call("POST", "/sub", **form).status_code == 401
    assert locked.person("ada")["categories"] == ["sports"]


def test_a_stream_by_link_ends_with_its_person(locked: Locked) -> None:
    locked.put("ida")
    path = f"/sub?{urlencode({'link': locked.link('ida')})}"
    with httpx2.stream(
        "GET", f"{locked.broker.url}{path}", headers=STREAM, timeout=PATIENCE_SECONDS
    ) as live:
        lines = live.iter_lines()
        next(lines)
        locked.broker.call("DELETE", "/v1/subscribers/ida", headers=locked.admin)
        locked.put("ida")
        secret = {"category": "sports", "body": "not for the old one"}
        locked.broker.call("POST", "/v1/messages", json=secret, headers=locked.admin)
        assert not any("not for the old one" in line for line in lines)


@pytest.mark.parametrize("seconds", [0, 59, 366 * 86_400 + 1, -1, True, "7", 1e300])
def test_how_long_a_link_may_last(locked: Locked, seconds: object) -> None:
    answer = locked.broker.call(
        "POST",
        "/v1/subscribers/ada/link",
        json={"valid_seconds": seconds},
        headers=locked.admin,
    )
    assert answer.status_code == 422
    assert assert_problem(answer)["errors"][0]["pointer"] == "/valid_seconds"


def test_a_link_says_when_it_expires(locked: Locked) -> None:
    before = datetime.now(UTC)
    path = "/v1/subscribers/ada/link"
    for content, lasts in (
        ({}, timedelta(days=7)),
        ({"json": {"valid_seconds": 60}}, timedelta(minutes=1)),
    ):
        made = locked.broker.call("POST", path, headers=locked.admin, **content)
        expires_at = datetime.fromisoformat(made.json()["expires_at"])
        assert abs(expires_at - before - lasts) < timedelta(seconds=PATIENCE_SECONDS)
    missing = locked.broker.call("POST", "/v1/subscribers/nobody/link", headers=locked.admin)
    assert missing.status_code == 404


def test_where_keys_are_optional_the_page_is_as_before_and_links_work_too(
    start: Callable[..., Broker],
) -> None:
    broker = start(public_url="https://notefly.example")
    broker.put("ada", name="Ada", **PHONE)
    made = broker.call("POST", "/v1/subscribers/ada/link").json()["url"]
    assert made.startswith("https://notefly.example/sub?link=")
    token = parse_qs(urlsplit(made).query)["link"][0]
    here = Locked.__new__(Locked)
    here.broker = broker
    assert "picker" in broker.call("GET", "/sub", headers=BROWSER).text
    assert "picker" not in here.show(token).text
    assert here.show(token[:-3]).status_code == 403
    assert here.save(token, {"action": "unsubscribe"}).status_code == 303
    assert broker.get("/v1/subscribers/ada")["categories"] == []
    broker.stop()
    here.broker = start()
    assert here.show(token).status_code == 200, "after a restart too"
