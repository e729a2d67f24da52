"""What a page of somebody else can make this browser do to the product: nothing.

The page is once at another port of this machine (same site), once under a name that leads here
(another site), and once under a name that was bound to the product's own ports (DNS rebinding).
"""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.elsewhere import EVIL, Elsewhere
from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser
NAMES = ("localhost", EVIL)
FORMS: dict[str, tuple[str, str, dict[str, str]]] = {
    "the publish form": (
        "console/pub",
        "application/x-www-form-urlencoded",
        {"category": "movies", "body": "forged", "key": "k"},
    ),
    "the form of a subscriber": (
        "broker/sub",
        "application/x-www-form-urlencoded",
        {"name": "forged", "action": "save"},
    ),
    "unsubscribing": (
        "broker/sub",
        "application/x-www-form-urlencoded",
        {"id": "victim", "action": "unsubscribe"},
    ),
    "JSON inside a form": (
        "broker/v1/messages",
        "text/plain",
        {'{"category":"movies","body":"forged","x":"': '"}'},
    ),
    "a file": ("broker/v1/messages", "multipart/form-data", {"body": "forged"}),
}
SUBMIT = """([action, enctype, fields]) => {
    const form = document.createElement("form");
    Object.assign(form, { action, enctype, method: "post" });
    for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        Object.assign(input, { type: "hidden", name, value });
        form.append(input);
    }
    document.body.append(form);
    form.submit();
}"""
FETCH = """async ([address, options]) => {
    try {
        const answer = await fetch(address, options);
        return [answer.type, answer.status, await answer.text()];
    } catch (error) {
        return ["error", 0, ""];
    }
}"""
GOAL = '{"category":"movies","body":"forged"}'
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "simple": ("broker/v1/messages", {"method": "POST", "body": GOAL}),
    "opaque": ("broker/v1/messages", {"method": "POST", "body": GOAL, "mode": "no-cors"}),
    "JSON": (
        "broker/v1/messages",
        {"method": "POST", "body": GOAL, "headers": {"Content-Type": "application/json"}},
    ),
    "erase": ("broker/v1/subscribers/victim", {"method": "DELETE"}),
    "replace": ("broker/v1/subscribers/victim", {"method": "PUT", "body": "{}"}),
    "pause": ("broker/v1/channels/sms/pause", {"method": "POST", "mode": "no-cors"}),
    "with cookies": (
        "console/pub",
        {"method": "POST", "mode": "no-cors", "credentials": "include", "body": "body=forged"},
    ),
    "read": ("broker/v1/subscribers", {}),
    "read a page": ("console/activity", {}),
    "read opaquely": ("broker/v1/subscribers", {"mode": "no-cors"}),
}


@pytest.fixture
def victim(product: Product) -> None:
    product.put(
        "victim",
        name="Victoria Victim",
        email="victim@example.org",
        categories=["movies"],
        channels=["email"],
    )


def address(product: Product, path: str) -> str:
    service, _, rest = path.partition("/")
    return f"{product.console if service == 'console' else product.broker}/{rest}"


@pytest.mark.usefixtures("victim")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_form_changes_nothing(
    product: Product, elsewhere: Elsewhere, watched: Watching, name: str, form: str
) -> None:
    before = product.standing()
    path, kind, fields = FORMS[form]
    with watched(*NAMES, ours=False) as watch:
        page = watch.open(elsewhere.origin(name))
        with page.expect_navigation() as navigation:
            page.evaluate(SUBMIT, [address(product, path), kind, fields])
        assert navigation.value.status == 403
    assert product.standing() == before


@pytest.mark.usefixtures("victim")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", CALLS)
def test_a_script_changes_and_reads_nothing(
    product: Product, elsewhere: Elsewhere, watched: Watching, name: str, call: str
) -> None:
    before = product.standing()
    path, options = CALLS[call]
    with watched(*NAMES, ours=False) as watch:
        page = watch.open(elsewhere.origin(name))
        answer = page.evaluate(FETCH, [address(product, path), options])
        assert answer in (["error", 0, ""], ["opaque", 0, ""])
        assert page.evaluate(
            "([to, what]) => navigator.sendBeacon(to, what)", [address(product, path), GOAL]
        )
    assert product.standing() == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", ["console/pub", "console/activity", "broker/sub", "broker/docs"])
def test_no_page_lets_itself_be_framed(
    product: Product, elsewhere: Elsewhere, watched: Watching, name: str, path: str
) -> None:
    with watched(*NAMES, "", ours=False) as watch:
        page = watch.open(elsewhere.origin(name))
        with page.expect_event("framenavigated", lambda frame: frame != page.main_frame):
            framed(page, address(product, path))
        [frame] = page.main_frame.child_frames
        assert frame.url == "chrome-error://chromewebdata/"
        assert any("frame-ancestors" in trouble for trouble in watch.troubles)


def framed(page: Page, url: str) -> None:
    page.evaluate(
        "url => { const f = document.createElement('iframe'); f.src = url; "
        "document.body.append(f); }",
        url,
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_data_of_ours_becomes_a_script_or_an_event_stream(
    product: Product, elsewhere: Elsewhere, watched: Watching, name: str
) -> None:
    with watched(*NAMES, ours=False) as watch:
        page = watch.open(elsewhere.origin(name))
        for path in ("broker/v1/subscribers", "broker/openapi.json", "console/static/pub.js"):
            how = """url => new Promise((done) => {
                const script = document.createElement("script");
                Object.assign(script, { src: url, onload: () => done("ran"), onerror: done });
                document.body.append(script); })"""
            assert page.evaluate(how, address(product, path)) != "ran"
        for path in ("broker/v1/events", "broker/sub", "console/events"):
            how = """url => new Promise((done) => {
                const source = new EventSource(url);
                source.onopen = () => done("open"); source.onerror = () => done("refused"); })"""
            assert page.evaluate(how, address(product, path)) == "refused"


@pytest.mark.usefixtures("victim")
@pytest.mark.parametrize("service", ["console", "broker"])
def test_a_name_that_was_bound_to_our_port(
    product: Product, watched: Watching, service: str
) -> None:
    """For the browser everything is one origin then; policies are off, to help the stranger."""
    before = product.standing()
    rebound = address(product, f"{service}/").replace("localhost", EVIL)
    with watched(EVIL, ours=False, bypass_csp=True) as watch:
        page = watch.context.new_page()
        for path in ("", "pub", "activity", "sub", "docs", "v1/subscribers", "static/sub.css"):
            answer = page.goto(f"{rebound}{path}")
            assert answer is not None
            assert answer.status == 421, path
            assert "Victoria" not in page.content()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for path in ("v1/messages", "v1/subscribers/victim", "pub", "sub", "v1/events"):
                options = {"method": method} | ({"body": GOAL} if method != "GET" else {})
                kind, status, text = page.evaluate(FETCH, [f"{rebound}{path}", options])
                assert (kind, status) == ("basic", 421), (method, path)
                assert "Victoria" not in text
    assert product.standing() == before
