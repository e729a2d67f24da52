"""The pages do their work in a browser that runs no scripts."""

import re

import pytest

from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser


def test_publish_by_the_form_and_see_what_became_of_it(product: Product, watched: Watching) -> None:
    with watched("localhost", java_script_enabled=False) as watch:
        page = watch.open(f"{product.console}/pub?category=sports")
        page.fill("#title", "Final")
        page.fill("#body", "Goal <b>!</b>\nSecond line")
        page.click("#look")
        assert "As it will go out" in watch.look(page)
        assert page.input_value("#body") == "Goal <b>!</b>\nSecond line"
        page.click("button.primary")
        page.wait_for_url(re.compile("/messages/"))
        page.locator("[data-state=done]").wait_for()
        said = watch.look(page)
        assert "Goal <b>!</b>" in said
        assert "6 deliveries" in said
        page.locator("td a").first.click()
        assert "What goes out" in watch.look(page)


def test_the_log_by_filter_and_cursor(product: Product, watched: Watching) -> None:
    for number in range(10):
        product.publish(category="sports", body=f"one of many, {number}")
    with watched("localhost", java_script_enabled=False) as watch:
        page = watch.open(f"{product.console}/activity")
        page.select_option("#f-category", "sports")
        page.select_option("#f-state", "delivered")
        page.click("text=Filter")
        first = watch.look(page)
        assert "one of many, 9" in first
        page.click("text=Older")
        assert "cursor=" in page.url
        assert watch.look(page) != first
        page.click("text=Newest")
        assert "one of many, 9" in watch.look(page)


def test_a_subscriber_registers_changes_and_leaves(product: Product, watched: Watching) -> None:
    with watched("localhost", java_script_enabled=False) as watch:
        page = watch.open(f"{product.broker}/sub")
        page.fill("#name", "Nora <i>Noscript</i>")
        page.fill("#address-email", "nora@example.org")
        page.check("input[name='get:movies'][value=email]")
        page.click("text=Register")
        assert "Saved." in watch.look(page)
        assert page.input_value("#name") == "Nora <i>Noscript</i>"
        page.click("summary")
        page.fill("#address-email", "")
        page.click("button[value=save]")
        assert "Nothing was saved" in watch.look(page)
        page.click("text=Unsubscribe from everything")
        assert "You get nothing any more" in watch.look(page)
        assert not page.is_checked("input[name='get:movies'][value=email]")
