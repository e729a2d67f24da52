"""Every page fits, in both themes, and can be read by everybody and worked by the keyboard."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.looks import SHAPES, TOO_WIDE, faults, seen_by_axe, shaped
from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser


@dataclass(frozen=True, slots=True)
class Shown:
    """Messages that pages are about: one that arrived, and one that expired on a channel."""

    message: str
    expired: str


PAGES: dict[str, Callable[[Shown], str]] = {
    "home": lambda _: "/",
    "publish": lambda _: "/pub",
    "activity": lambda _: "/activity",
    "activity, nothing found": lambda _: "/activity?category=movies&subscriber=nobody",
    "message": lambda shown: f"/messages/{shown.message}",
    "message, in part dead": lambda shown: f"/messages/{shown.expired}",
    "dead delivery": lambda shown: f"/deliveries/{shown.expired}.email.1",
    "recipient": lambda shown: f"/messages/{shown.message}/to/ada",
    "delivery": lambda shown: f"/deliveries/{shown.message}.sms.1",
    "subscribers": lambda _: "/subscribers",
    "subscriber": lambda _: "/subscribers/chloe",
    "queue": lambda _: "/queue",
    "dead letters": lambda _: "/dead",
    "dead letters of one message": lambda shown: f"/dead?message={shown.expired}",
    "settings": lambda _: "/settings",
    "somebody new, on the broker": lambda _: "/sub",
    "API": lambda _: "/docs",
    "not there": lambda _: "/messages/nope",
}


@pytest.fixture(scope="module")
def shown(product: Product) -> Shown:
    text = "A text that is long enough to be wrapped where there is little room for it. " * 3
    arrived = product.publish(category="sports", title="A title of some length", body=text)
    return Shown(arrived, expired(product))


def expired(product: Product) -> str:
    """A message that was too late for one channel, which its own clock has to tell."""
    end = datetime.now(UTC) + timedelta(seconds=0.5)
    product.http.post("/v1/channels/email/pause")
    content = {"category": "sports", "body": "Too late", "expires_at": end.isoformat()}
    message = str(product.http.post("/v1/messages", json=content).json()["id"])
    while datetime.now(UTC) < end:
        time.sleep(0.01)
    product.http.post("/v1/channels/email/resume")
    return product.done(message)


def test_axe_sees_what_cannot_be_read(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/pub")
        assert seen_by_axe(page) == []
        page.evaluate("document.querySelector('label[for=category]').remove()")
        page.evaluate("document.querySelector('h1').style.color = '#ddd'")
        assert [one.partition(":")[0] for one in seen_by_axe(page)] == [
            "color-contrast",
            "select-name",
        ]


@pytest.mark.parametrize(("width", "theme", "with_axe"), SHAPES)
def test_pages_fit_and_can_be_read(
    product: Product, shown: Shown, watched: Watching, width: int, theme: str, with_axe: bool
) -> None:
    found = {}
    with watched("localhost", **shaped(width, theme)) as watch:
        for name, address in PAGES.items():
            page = watch.open(product.console + address(shown))
            watch.look(page)
            if wrong := faults(page, with_axe=with_axe):
                found[name] = wrong
    assert found == {}


@pytest.mark.parametrize(("width", "theme", "with_axe"), SHAPES)
def test_the_page_of_a_subscriber_fits(
    product: Product, watched: Watching, width: int, theme: str, with_axe: bool
) -> None:
    with watched("localhost", **shaped(width, theme)) as watch:
        page = watch.open(f"{product.broker}/sub?subscriber=chloe")
        page.click("summary")
        watch.look(page)
        assert faults(page, with_axe=with_axe) == []


@pytest.mark.parametrize(("width", "theme", "_"), SHAPES)
def test_the_pages_of_the_api_fit_and_follow_the_theme(
    product: Product, watched: Watching, width: int, theme: str, _: bool
) -> None:
    with watched("localhost", **shaped(width, theme)) as watch:
        page = watch.open(f"{product.console}/docs")
        page.click("section.card a")
        page.locator(".opblock").first.wait_for()
        assert not page.evaluate(TOO_WIDE)
        faint = [one for one in seen_by_axe(page) if one.startswith("color-contrast")]
        assert theme == "light" or faint == []  # Swagger UI's own light grey is what it is.
        page.click("#back")
        page.wait_for_url(f"{product.console}/docs")


def test_pages_are_reached_by_the_keyboard(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(product.console)
        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url("**/pub")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "category"
        page.focus("#body")
        page.keyboard.type("g a?")
        assert page.input_value("#body") == "g a?"
        page.locator("h1").click()
        page.keyboard.press("?")
        page.locator("dialog[open]").wait_for()
        watch.look(page)
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        page.keyboard.press("g")
        page.keyboard.press("a")
        page.wait_for_url("**/activity")


def test_the_menu_of_a_phone_needs_no_script(product: Product, watched: Watching) -> None:
    small = {"width": 360, "height": 800}
    with watched("localhost", viewport=small, java_script_enabled=False) as watch:
        page = watch.open(product.console)
        entry = page.locator("nav#pages a", has_text="Activity")
        assert not entry.is_visible()
        page.click(".menu")
        entry.click()
        page.wait_for_url("**/activity")


def test_the_same_call_is_copied(product: Product, watched: Watching) -> None:
    with watched("localhost", permissions=["clipboard-read", "clipboard-write"]) as watch:
        page = watch.open(f"{product.console}/pub")
        for name in ("curl", "python", "httpie"):
            page.click(f"button[data-copy={name}]")
            page.locator(f"button[data-copy={name}]:has-text('Copied')").wait_for()
            copied = page.evaluate("navigator.clipboard.readText()")
            assert copied == page.locator(f"#{name}").text_content()
