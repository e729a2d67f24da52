"""/subscribers and the page of one person, on a broker whose people may be changed."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest

from tests.broker.service import Broker
from tests.client.console import Console

PART = {"HX-Request": "true"}
HIDDEN = re.compile('type="hidden" name="(seen:[^"]+)" value="([^"]*)"')


@pytest.fixture
def ada(own_broker: Broker) -> str:
    """Somebody with two addresses, who gets movies by e-mail."""
    own_broker.put(
        "dear:ada",
        name="Ada <b>Person</b>",
        email="ada@example.org",
        phone="+12025550123",
        categories=["movies"],
        channels=["email"],
    )
    return "/subscribers/dear%3Aada"


def pressed(html: str, about: str) -> str:
    """Whether the cell of that label is on."""
    found = re.search(rf'aria-pressed="(\w+)" aria-label="{re.escape(about)}"', html)
    assert found is not None, html
    return found[1]


def test_the_grid_shows_who_gets_what(own_console: Console) -> None:
    page = own_console.get("/subscribers")
    assert page.count('<span class="tag">mock</span>') >= 6
    assert pressed(page, "Finance by SMS, Chloé Martin") == "true"
    assert pressed(page, "Finance by E-mail, Chloé Martin") == "false"
    assert pressed(page, "Movies by Push, Chloé Martin") == "true"
    assert 'disabled title="No phone to send it to"' in page.lower().replace("no phone", "No phone")


@pytest.mark.usefixtures("ada")
def test_a_cell_is_saved_at_a_click(own_console: Console, own_broker: Broker) -> None:
    path = "/subscribers/dear%3Aada/choice"
    part = own_console.page(own_console.post(path, {"choice": "on/sports/sms"}, headers=PART))
    assert "<html" not in part
    assert "Ada &lt;b&gt;Person" in part
    stored = own_broker.get("/v1/subscribers/dear:ada")
    assert (stored["categories"], stored["overrides"]) == (
        ["movies", "sports"],
        {"sports": ["sms"]},
    )
    plain = own_console.post(path, {"choice": "off/sports/sms", "back": "/subscribers?cursor=x"})
    assert (plain.status_code, plain.headers["Location"]) == (303, "/subscribers?cursor=x")
    assert own_broker.get("/v1/subscribers/dear:ada")["categories"] == ["movies"]
    elsewhere = own_console.post(path, {"choice": "on/movies/sms", "back": "//evil.test"})
    assert elsewhere.headers["Location"] == "/subscribers"
    alone = own_console.post(path, {"choice": "on//sms", "alone": "1"}, headers=PART)
    assert "Usually" in own_console.page(alone)
    assert "Usually" in own_console.get(f"{path}?alone=1", headers=PART)
    assert "Usually" not in own_console.get(path, headers=PART)
    assert own_console.http.get(path).headers["Location"] == "/subscribers/dear%3Aada"


@pytest.mark.usefixtures("ada")
def test_clicks_at_once_do_not_undo_each_other(own_console: Console, own_broker: Broker) -> None:
    choices = [f"on/{category}/sms" for category in ("finance", "movies", "sports")]
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(
            lambda choice: own_console.post("/subscribers/dear%3Aada/choice", {"choice": choice}),
            choices,
        )
        assert [answer.status_code for answer in answers] == [303] * 3
    stored = own_broker.get("/v1/subscribers/dear:ada")
    assert stored["overrides"] == {
        "finance": ["sms"],
        "movies": ["email", "sms"],
        "sports": ["sms"],
    }


@pytest.mark.usefixtures("ada")
def test_a_click_that_cannot_be_done_says_why(own_console: Console) -> None:
    path = "/subscribers/dear%3Aada/choice"
    for choice, said in (
        ("on/movies/push", "there is no push_token address"),
        ("on/nonsense/sms", "unknown category"),
        ("nonsense", "names no category and channel"),
    ):
        assert said in own_console.page(own_console.post(path, {"choice": choice}), 422)
        part = own_console.page(own_console.post(path, {"choice": choice}, headers=PART), 422)
        assert part.startswith('<p class="notice bad"')
    nobody = own_console.post("/subscribers/nobody/choice", {"choice": "on/movies/sms"})
    assert "there is no subscriber" in own_console.page(nobody, 404)


def test_somebody_new_is_added_then_chooses(own_console: Console, own_broker: Broker) -> None:
    form = {"name": "Nora New", "id": "", "address:email": "Nora@EXAMPLE.org", "address:phone": ""}
    added = own_console.post("/subscribers", form)
    assert added.status_code == 303
    page = own_console.get(added.headers["Location"])
    assert "Added. Now choose what they get" in page
    assert 'value="Nora@example.org"' in page
    wrong = own_console.page(own_console.post("/subscribers", form | {"address:phone": "12"}), 422)
    assert "Nothing was saved." in wrong
    assert 'value="12"' in wrong
    assert 'aria-invalid="true"' in wrong
    named = form | {"id": "nora"}
    assert (
        own_console.post("/subscribers", named).headers["Location"].startswith("/subscribers/nora?")
    )
    assert "nora" in own_console.page(own_console.post("/subscribers", named), 409)
    own_broker.call("DELETE", "/v1/subscribers/nora")


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("phone", "+1 (202) 555-0123", "✓ Stored as +12025550123"),
        ("email", "Ada@EXAMPLE.org", "✓ Stored as Ada@example.org"),
        ("phone", "12", 'aria-invalid="true"'),
        ("perch", "<b>top</b>", "&lt;b&gt;top"),
        ("phone", " ", 'id="said-phone" aria-live="polite"></p>'),
    ],
)
def test_addresses_are_checked_while_they_are_written(
    own_console: Console, kind: str, value: str, said: str
) -> None:
    form = {"kind": kind, f"address:{kind}": value}
    assert said in own_console.page(own_console.post("/addresses/check", form, headers=PART))


def test_kinds_that_nobody_uses(own_console: Console) -> None:
    refused = own_console.post("/addresses/check", {"kind": "fax", "address:fax": "1"})
    assert "no configured channel uses" in own_console.page(refused, 422)


def test_name_and_addresses_are_changed(own_console: Console, own_broker: Broker, ada: str) -> None:
    form = {"name": "Ada L.", "address:email": "l@example.org", "address:phone": ""}
    saved = own_console.post(ada, form)
    assert saved.headers["Location"] == f"{ada}?said=saved"
    assert "Saved." in own_console.get(saved.headers["Location"])
    stored = own_broker.get("/v1/subscribers/dear:ada")
    assert (stored["name"], stored["email"], stored["phone"]) == ("Ada L.", "l@example.org", None)
    refused = own_console.page(own_console.post(ada, form | {"address:email": ""}), 422)
    assert "email is chosen, but there is no email address" in refused
    assert 'value="Ada L."' in refused
    assert "there is no subscriber" in own_console.page(own_console.post(f"{ada}x", form), 404)


def test_what_somebody_else_changed_meanwhile_stays(
    own_console: Console, own_broker: Broker, ada: str
) -> None:
    page = own_console.http.get(ada).text
    form = {name: unescape(value) for name, value in HIDDEN.findall(page)}
    assert form["seen:address:phone"] == "+12025550123"
    change = {"name": "Countess", "email": "new@example.org", "push_token": "new"}
    own_broker.call("PATCH", "/v1/subscribers/dear:ada", json=change)
    form |= {"name": "Ada <b>Person</b>", "address:email": "ada@example.org"}
    form |= {"address:push_token": "", "address:perch": ""}
    saved = own_console.post(ada, form | {"address:phone": "+12025550124"})
    assert saved.status_code == 303
    stored = own_broker.get("/v1/subscribers/dear:ada")
    kept = {name: stored[name] for name in change}
    assert (kept, stored["phone"]) == (change, "+12025550124")


def test_a_test_reaches_them_alone(own_console: Console, own_broker: Broker, ada: str) -> None:
    assert "Nothing yet. Send a test" in own_console.get(ada)
    sent = own_console.post(f"{ada}/test", {"category": "movies", "body": "Only\r\nyou"})
    assert sent.status_code == 303
    message = re.search("message=([^&]+)", sent.headers["Location"])
    assert message is not None
    own_broker.done(message[1])
    page = own_console.get(sent.headers["Location"])
    assert "The test is on its way." in page
    assert f'href="/messages/{message[1]}"' in page
    [delivery] = own_broker.deliveries(message=message[1])
    assert (delivery["subscriber_id"], delivery["channel"]) == ("dear:ada", "email")
    assert delivery["id"] in own_console.get(ada, headers=PART)
    refused = own_console.page(own_console.post(f"{ada}/test", {"category": "nonsense"}), 422)
    assert "unknown category" in refused
    assert "there is no subscriber" in own_console.page(own_console.post(f"{ada}x/test", {}), 404)


def test_a_personal_link_is_shown_once(own_console: Console, ada: str) -> None:
    page = own_console.page(own_console.post(f"{ada}/link", {}))
    assert "/sub?link=" in page
    assert "/sub?link=" not in own_console.get(ada)


def test_people_are_found_by_a_part_of_their_name_or_id(own_console: Console, ada: str) -> None:
    for text in ("PERSON", " dear:a", "<b>"):
        page = own_console.http.get("/subscribers", params={"q": text}).text
        assert f'href="{ada}"' in page
        assert "Chlo" not in page
    nobody = own_console.get("/subscribers?q=<i>ada@example")
    assert "Nobody here has “<i>ada@example” in their name or id." in nobody
    assert 'href="/subscribers"' in nobody
    assert "Chlo" in own_console.get("/subscribers?q=")
    assert "That cannot be done" in own_console.get("/subscribers?q=%00", 422)


def test_erasure(own_console: Console, ada: str) -> None:
    erased = own_console.post(f"{ada}/erase", {})
    assert "Erased." in own_console.get(erased.headers["Location"])
    assert "there is no subscriber" in own_console.get(ada, 404)


def test_a_page_leads_to_the_next(own_console: Console, own_broker: Broker) -> None:
    for number in range(25):
        own_broker.put(f"filler-{number}", name=f"Filler {number}")
    page = own_console.get("/subscribers")
    following = re.search(r'href="(/subscribers\?cursor=[^"]+)" rel="next"', page)
    assert following is not None
    behind = own_console.get(following[1])
    assert "Filler 24" in behind
    assert '<a href="/subscribers">First</a>' in behind
    some = own_console.get("/subscribers?q=FILLER")
    assert 'rel="next"' not in some
    own_broker.put("filler-25", name="Filler 25")
    following = re.search(
        r'href="(/subscribers\?[^"]+)" rel="next"', own_console.get("/subscribers?q=FILLER")
    )
    assert following is not None
    behind = own_console.get(following[1])
    assert ("Filler 25" in behind, "Filler 24" in behind) == (True, False)
    assert '<a href="/subscribers?q=FILLER">First</a>' in behind
    assert "That cannot be done" in own_console.get("/subscribers?cursor=foreign", 422)
    for number in range(26):
        own_broker.call("DELETE", f"/v1/subscribers/filler-{number}")
