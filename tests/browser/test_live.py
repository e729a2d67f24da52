"""What happens is on the page at once, in every tab and after every break."""

import re
import time
from statistics import median

import pytest
from playwright.sync_api import Page

from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser
ARRIVES_SECONDS = 1.0
TRIES = 5


def live(page: Page) -> Page:
    """Once the stream is there."""
    page.locator("[data-live][data-standing=up]").wait_for()
    return page


def line(title: str) -> str:
    return f"#log h2:has-text('{title}')"


def test_a_message_arrives_in_another_browser_within_a_second(
    product: Product, watched: Watching
) -> None:
    """Mostly: a machine that stands still for a moment is no defect.

    What is on its way for the writer's own page has come before each try.
    """
    took = []
    with watched("localhost") as writer, watched("localhost") as reader:
        log = live(reader.open(f"{product.console}/activity"))
        page = writer.open(f"{product.console}/pub?category=sports")
        for number in range(TRIES):
            page.fill("#title", f"Arrives {number}")
            page.fill("#body", "1:0")
            page.locator(f".rendering:has-text('Arrives {number}')").first.wait_for()
            began = time.monotonic()
            page.click("button.primary")
            log.locator(line(f"Arrives {number}")).wait_for()
            took.append(time.monotonic() - began)
            card = page.locator("#result .card", has_text=f"Arrives {number}")
            card.locator("[data-state=done]").wait_for()
            assert page.input_value("#body") == ""
            assert f"Arrives {number}" in page.inner_text("#curl")
        reader.look(log)
        writer.look(page)
    typical = median(took)
    print(f"seen in the other browser after {typical * 1_000:.0f} ms")  # noqa: T201
    assert typical < ARRIVES_SECONDS


def test_a_page_that_is_loaded_again_has_no_gap(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = live(watch.open(f"{product.console}/activity"))
        for number in range(4):
            product.publish(category="finance", title=f"Before {number}", body="x")
            page.reload(wait_until="commit")
            product.publish(category="finance", title=f"While {number}", body="x")
        for number in range(4):
            for title in (f"Before {number}", f"While {number}"):
                page.locator(line(title)).wait_for()
        product.publish(category="finance", title="Afterwards", body="x")
        page.locator(line("Afterwards")).wait_for()
        watch.look(page)


def test_tabs_share_one_stream_and_the_next_one_resumes_it(
    product: Product, watched: Watching
) -> None:
    with watched("localhost") as watch:
        asked: list[str] = []
        watch.context.on(
            "request", lambda request: asked.append(request.url) if "/events" in request.url else 0
        )
        first = live(watch.open(f"{product.console}/activity"))
        second = watch.context.new_page()
        second.goto(f"{product.console}/activity")
        live(second)
        product.publish(category="movies", title="For both", body="x")
        for page in (first, second):
            page.locator(line("For both")).wait_for()
        assert len(asked) == 1
        first.close()
        product.publish(category="movies", title="Between", body="x")
        second.locator(line("Between")).wait_for()
        watch.look(second)
    assert re.search(r"/events\?after=\d+$", asked[1])


def test_the_log_stands_still_under_the_hand(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        product.publish(category="movies", title="Pointed at", body="x")
        page = live(watch.open(f"{product.console}/activity"))
        page.hover(line("Pointed at"))
        page.locator("text=paused while you point at it").wait_for()
        product.publish(category="movies", title="In the meantime", body="x")
        page.wait_for_timeout(500)  # Longer than news take.
        assert page.locator(line("In the meantime")).count() == 0
        page.hover("h1")
        page.locator(line("In the meantime")).wait_for()
        page.click("#pause")
        assert page.get_attribute("#pause", "aria-pressed") == "true"
        watch.look(page)


def test_home_follows_what_happens(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = live(watch.open(product.console))
        product.publish(category="movies", title="Seen at home", body="x")
        page.locator(".last li", has_text="Seen at home").locator(".state.done").wait_for()
        watch.look(page)
