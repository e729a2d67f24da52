"""The watch is tested first: what it could not see would make every zero below worthless."""

import pytest
from playwright.sync_api import Page, Route

from tests.browser.payloads import PAYLOADS, RUN
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser
STRICT = "default-src 'none'"
HOME = "http://localhost:1/"


def show(page: Page, html: str, policy: str = "") -> None:
    """A page of a careless product."""

    def answer(route: Route) -> None:
        headers = {"Content-Type": "text/html", "Content-Security-Policy": policy}
        route.fulfill(body=f"<!doctype html><title>x</title>{html}", headers=headers)

    page.route(HOME, answer)
    page.goto(HOME)


@pytest.mark.parametrize(
    ("html", "policy", "seen"),
    [
        (PAYLOADS["script"], "", "the canary was called"),
        (PAYLOADS["image"], "", "the canary was called"),
        ("<script>alert(1)</script>", "", "dialog: 1"),
        ("<script>throw Error('x')</script>", "", "error: x"),
        ("<script>console.error('y')</script>", "", "console: y"),
        (PAYLOADS["script"], STRICT, "script-src-elem"),
        (f"<p onclick={RUN}>", STRICT, "script-src"),
        ("<p style=color:red>", STRICT, "style-src"),
        ("<img src=http://evil.test/x.png>", "", "asked for http://evil.test/x.png"),
        (PAYLOADS["refresh"], "", "asked for http://evil.test/"),
    ],
)
def test_what_a_careless_page_does_is_seen(
    watched: Watching, html: str, policy: str, seen: str
) -> None:
    with watched("localhost", ours=False) as watch:
        page = watch.context.new_page()
        show(page, html, policy)
        while not any(seen in trouble for trouble in watch.troubles):
            page.wait_for_timeout(10)
        with pytest.raises(AssertionError):
            watch.look(page)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(PAYLOADS)
        - {"double quote", "single quote", "no quote", "link", "markdown", "data link"}
        - {"template", "entities", "JSON", "full width", "shell", "joined"}
    ),
)
def test_what_would_be_html_is_seen_in_the_page(watched: Watching, name: str) -> None:
    with watched("localhost", ours=False) as watch:
        page = watch.context.new_page()
        show(page, f"<p>{PAYLOADS[name]}</p>")
        with pytest.raises(AssertionError):
            watch.look(page)


@pytest.mark.parametrize("name", ["double quote", "single quote", "no quote"])
def test_what_would_be_an_attribute_is_seen_in_the_page(watched: Watching, name: str) -> None:
    quote = {"double quote": '"', "single quote": "'", "no quote": ""}[name]
    with watched("localhost", ours=False) as watch:
        page = watch.context.new_page()
        show(page, f"<input value={quote}{PAYLOADS[name]}{quote}>")
        with pytest.raises(AssertionError):
            watch.look(page)
