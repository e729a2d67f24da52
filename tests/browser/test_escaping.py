"""Hostile names, addresses, titles, texts and words of a provider, on every page that shows any.

Each is shown as it was written, makes no element of its own, runs nothing, and asks nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Page

from tests.browser.payloads import PAYLOADS, together, visible_ascii
from tests.browser.product import CHANNELS, Product
from tests.browser.watching import Watch, Watching

pytestmark = pytest.mark.browser
NUMBERS = count()
TOGETHER = together()
IDS = ("javascript:x", "data:text", "..", "a~@b:", "__proto__")
"""What an id may be; somebody with one of these gets each message too."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody who is hostile everywhere, and what was sent to them."""

    product: Product
    subscriber: str
    payload: str
    message: str

    def delivery(self, channel: str) -> str:
        wanted = {"message": self.message, "subscriber": self.subscriber, "channel": channel}
        [one] = self.product.get("/v1/deliveries", **wanted)["items"]
        return str(one["id"])


def subscribe(product: Product, payload: str) -> str:
    subscriber = f"{IDS[next(NUMBERS) % len(IDS)]}-{next(NUMBERS)}"
    product.put(
        subscriber,
        name=payload,
        email="hostile@example.org",
        phone="+12025550166",
        addresses={"push_token": visible_ascii(payload), "perch": payload},
        categories=["movies"],
        channels=CHANNELS,
    )
    return subscriber


@pytest.fixture(params=TOGETHER, scope="module")
def scene(product: Product, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """One for all tests of some payloads; nobody of the last one is there any more."""
    payload = TOGETHER[request.param]
    subscriber = subscribe(product, payload)
    message = product.publish(category="movies", title=payload, body=f"{payload}\n{payload}")
    yield Scene(product, subscriber, payload, message)
    product.erase(subscriber)


def test_pages_of_what_was_sent(scene: Scene, watched: Watching) -> None:
    with watched("localhost") as watch:
        console, payload = scene.product.console, scene.payload
        message = watch.open(f"{console}/messages/{scene.message}")
        assert shown(watch, message).count(flat(payload)) >= 3
        log = watch.open(f"{console}/activity?message={scene.message}")
        said = shown(watch, log)
        assert flat(payload) in said
        for channel in CHANNELS:
            page = watch.open(f"{console}/deliveries/{scene.delivery(channel)}")
            assert flat(payload) in shown(watch, page)
        assert "49" not in [word for word in said.split() if word.isdigit()]


def test_pages_of_people_and_of_what_died(scene: Scene, watched: Watching) -> None:
    """`parrot` refuses everybody, with the title as its words."""
    with watched("localhost") as watch:
        console, payload = scene.product.console, scene.payload
        page = watch.open(f"{console}/subscribers/{quote(scene.subscriber)}")
        assert shown(watch, page).count(flat(payload)) >= 2
        assert page.input_value("#name") == payload
        assert page.input_value("#address-perch") == payload
        cell = page.locator(f"[id='c-{scene.subscriber}-movies-parrot']")
        cell.click()
        page.locator(f"[id='{cell.get_attribute('id')}'][aria-pressed=false]").wait_for()
        assert flat(payload) in shown(watch, page)
        page.fill("#address-perch", f"{payload}!")
        page.locator("#address-perch").blur()
        page.locator("#said-perch", has_text="Stored as").wait_for()
        assert flat(f"{payload}!") in shown(watch, page)
        dead = watch.open(f"{console}/dead?subscriber={quote(scene.subscriber)}")
        assert flat(payload[:40]) in shown(watch, dead)


def test_the_page_of_a_subscriber(scene: Scene, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{scene.product.broker}/sub?subscriber={scene.subscriber}")
        watch.look(page)
        assert page.input_value("#name") == scene.payload
        assert page.input_value("#address-perch") == scene.payload
        assert page.input_value("#address-push_token") == visible_ascii(scene.payload)
        page.wait_for_function("document.getElementById('pulse').textContent === 'live'")
        scene.product.publish(category="movies", title=scene.payload, body=scene.payload)
        page.locator("#messages li").first.wait_for()
        assert shown(watch, page).count(flat(scene.payload)) >= 2
        page.click("summary")
        page.fill("#address-email", visible_ascii(scene.payload))
        page.click("button[value=save]")
        page.locator(".problems").wait_for()
        watch.look(page)
        assert page.input_value("#name") == scene.payload


def test_what_is_written_and_sent_on_the_publish_page(scene: Scene, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{scene.product.console}/pub?category=movies")
        page.fill("#title", scene.payload)
        page.fill("#body", scene.payload)
        page.locator(".rendering").first.wait_for()
        preview = shown(watch, page)
        assert flat(scene.payload) in preview
        page.click("button.primary")
        page.locator("#result [data-state=done]").wait_for()
        assert flat(scene.payload[:40]) in shown(watch, page)


def test_the_live_log(scene: Scene, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{scene.product.console}/activity")
        page.locator("[data-live][data-standing=up]").wait_for()
        message = scene.product.publish(category="movies", title=scene.payload, body="live")
        page.locator(f"#log a[href='/messages/{message}']").first.wait_for()
        assert flat(scene.payload) in shown(watch, page)


def shown(watch: Watch, page: Page) -> str:
    """The page's text, on one line, after it was looked through."""
    return flat(watch.look(page))


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["script", "double quote", "quoted end", "link"])
def test_addresses_of_pages(product: Product, watched: Watching, name: str) -> None:
    """What a link to a page carries is as foreign as everything else."""
    given = urlencode(dict.fromkeys(("category", "subscriber", "message", "state"), PAYLOADS[name]))
    with watched("localhost") as watch:
        for path in ("/pub", "/activity", "/messages/x", "/docs", "/sub"):
            watch.look(watch.open(f"{product.console}{path}?{given}"))


@pytest.mark.parametrize("name", ["script", "image", "svg", "link", "template"])
def test_pages_that_are_not_there(product: Product, watched: Watching, name: str) -> None:
    with watched("localhost") as watch:
        for origin in (product.console, product.broker):
            for path in ("/", "/messages/", "/deliveries/", "/sub?subscriber=", "/v1/messages/"):
                watch.look(watch.open(f"{origin}{path}{quote(PAYLOADS[name])}"))


def test_the_api_pages(product: Product, watched: Watching) -> None:
    """They are tried out, because what they build themselves is what could break the policy."""
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/docs")
        watch.look(page)
        page.goto(f"{product.broker}/docs")
        page.locator(".opblock").first.wait_for()
        assert page.locator(".opblock").count() == sum(
            len(methods) for methods in product.get("/openapi.json")["paths"].values()
        )
        for call in ("get /v1/messages", "post /v1/messages"):
            method, path = call.split()
            block = page.locator(f".opblock-{method}", has=page.locator(f"[data-path='{path}']"))
            block.locator(".opblock-summary-control").click()
            block.get_by_role("button", name="Try it out").click()
            block.get_by_role("button", name="Execute").click()
            block.locator(".live-responses-table").wait_for()
        assert watch.troubles == []
