"""Where everybody begins: nothing happened yet, the broker is away, and no mouse is at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.service import Broker
from tests.browser.looks import SHAPES, faults, shaped
from tests.browser.product import Product
from tests.browser.watching import Watching
from tests.client.console import Console
from tests.support.up import free_ports

pytestmark = pytest.mark.browser
RING = """
    const shown = getComputedStyle(document.activeElement);
    return shown.outlineStyle !== "none" && parseFloat(shown.outlineWidth) >= 1;
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Product]:
    """A product in whose store nothing happened."""
    product = Product(tmp_path)
    yield product
    product.end()


@pytest.fixture
def lonely() -> Iterator[tuple[Console, int]]:
    """A console whose broker was not started, and the port where it looks for it."""
    _, port = free_ports()
    console = Console(f"http://127.0.0.1:{port}")
    yield console, port
    assert console.stop() == 0


def by_name(console: Console) -> str:
    return console.url.replace("127.0.0.1", "localhost")


def test_an_empty_home_leads_to_the_first_deliveries(fresh: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(fresh.console)
        for name in ("/activity", "/queue", "/dead", "/"):
            page = watch.open(fresh.console + name)
            watch.look(page)
            assert faults(page) == [], name
        page.click("text=Send the demo")
        page.locator(".last li", has_text="Goal!").locator(".state.done").wait_for()
        page.locator(".channels .minute", has_text="delivered").first.wait_for()
        watch.look(page)
        assert faults(page) == []


@pytest.mark.parametrize(("width", "theme", "_"), SHAPES)
def test_without_a_broker_every_page_says_what_to_do(
    lonely: tuple[Console, int], watched: Watching, width: int, theme: str, _: bool
) -> None:
    with watched("localhost", ours=False, **shaped(width, theme)) as watch:
        for name in ("/", "/pub", "/activity", "/queue", "/dead", "/subscribers", "/settings"):
            page = watch.open(by_name(lonely[0]) + name)
            assert "Start it with notefly broker" in page.locator("main").inner_text()
            assert faults(page) == [], name


def test_a_page_goes_on_by_itself_when_the_broker_is_there(
    lonely: tuple[Console, int], watched: Watching, tmp_path: Path
) -> None:
    console, port = lonely
    with watched("localhost", ours=False) as watch:
        page = watch.open(f"{by_name(console)}/queue")
        page.locator("text=Waiting for the broker").wait_for()
        broker = Broker(tmp_path, broker_port=port)
        try:
            page.locator("#now tr", has_text="Push").wait_for()
        finally:
            page.close()
            assert broker.stop() == 0


def test_by_tab_everything_is_reached_and_seen(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        for name in ("/", "/pub", "/subscribers", "/queue"):
            page = watch.open(product.console + name)
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
            wanted = page.locator("main :is(a[href], button:enabled, input:not([type=hidden]))")
            last = wanted.locator("visible=true").last
            for _ in range(250):
                page.keyboard.press("Tab")
                assert page.evaluate(f"() => {{{RING}}}"), page.evaluate(
                    "document.activeElement.outerHTML"
                )
                if last.evaluate("e => e === document.activeElement"):
                    break
            else:
                raise AssertionError(f"{name}: {last.evaluate('e => e.outerHTML')}")
