"""A channel that fails and the dead letters it leaves, and one that is held back."""

from collections.abc import Iterator

import pytest

from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser


def test_a_channel_fails_and_its_dead_letters_are_replayed(
    product: Product, watched: Watching
) -> None:
    for number in range(3):
        product.put(
            f"boxed-{number}",
            name=f"Boxed {number}",
            addresses={"box": f"box-{number}"},
            categories=["finance"],
            channels=["switched"],
        )
    product.switch("exit")
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/dead")
        message = product.publish(category="finance", title="Lost at first", body="Not for good")
        row = page.locator("tr", has_text="poison")
        row.wait_for()
        assert "The channel's process died on it twice" in watch.look(page)
        row.locator("text=Look and replay").click()
        assert "3 dead letters" in watch.look(page)
        product.switch("up")
        page.locator("button", has_text="Replay").nth(1).click()
        page.locator(".notice", has_text="1 is tried again").wait_for()
        assert "2 dead letters" in watch.look(page)
        page.click("text=Replay all 2")
        page.locator(".notice", has_text="2 are tried again").wait_for()
        page.locator("tr", has_text="poison").wait_for(state="detached")
        log = watch.open(f"{product.console}/activity?message={message}&state=delivered")
        log.locator("#log .who", has_text="Boxed 2").wait_for()
        assert "Lost at first" in watch.look(log)
    product.done(message)
    found = product.get("/v1/deliveries", message=message, channel="switched")["items"]
    assert [(one["state"], one["round"]) for one in found] == [("delivered", 2)] * 3


@pytest.fixture
def push(product: Product) -> Iterator[str]:
    """A channel that is not held back when the test is over, however it ends."""
    yield "push"
    product.http.post("/v1/channels/push/resume")


def test_a_channel_is_held_back_at_a_click(product: Product, watched: Watching, push: str) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/queue")
        page.locator("#chart canvas").wait_for()
        page.click(f"#switch-{push}")
        page.locator(".notice", has_text="Paused: Push").wait_for()
        sent = product.http.post("/v1/messages", json={"category": "sports", "body": "It waits"})
        assert sent.status_code == 202
        page.locator("#now tr", has_text="Push").locator(
            "td[data-name=Oldest]", has_text="s"
        ).wait_for()
        assert "paused" in watch.look(page)
        page.click(f"#switch-{push}")
        page.locator(".notice", has_text="Paused:").wait_for(state="detached")
        page.locator("#flows").wait_for()
        assert "The broker counts" in watch.look(page)
