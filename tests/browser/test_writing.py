"""/pub while somebody writes: what it takes, who gets it, what is refused."""

import pytest

from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser


def test_what_is_written_is_counted_as_each_channel_counts(
    product: Product, watched: Watching
) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/pub?category=sports")
        page.fill("#body", "a" * 160)
        page.locator("#counters:has-text('SMS: 1 segment, GSM-7, 160 units')").wait_for()
        page.fill("#body", "a" * 161)
        page.locator("#counters:has-text('SMS: 2 segments, GSM-7, 161 units')").wait_for()
        page.fill("#body", "⚽" * 71)
        page.locator("#counters:has-text('SMS: 2 segments, UCS-2, 71 units')").wait_for()
        assert "of 4,096 bytes" in page.inner_text("#counters")
        assert page.inner_text("#body-count") == "71 characters"
        assert page.locator(".rendering").count() == len(product.get("/v1/channels")["items"])
        page.fill("#body", "a" * 5_000)
        page.locator(".who .notice.bad").wait_for()
        assert "Cannot be sent like this" in page.inner_text("#counters")
        watch.look(page)


def test_a_refusal_stands_above_the_form_and_marks_the_field(
    product: Product, watched: Watching
) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/pub?category=sports")
        page.fill("#title", "Kept")
        page.fill("#body", " ")
        page.click("button.primary")
        page.locator("#refusal").wait_for()
        assert "The text must not be empty" in page.inner_text("#refusal")
        assert page.get_attribute("#body", "aria-invalid") == "true"
        assert page.input_value("#title") == "Kept"
        page.fill("#body", "Better")
        page.click("button.primary")
        page.locator("#result [data-state=done]").wait_for()
        assert page.locator("#refusal").count() == 0
        assert page.get_attribute("#body", "aria-invalid") is None
        watch.look(page)
