"""Trouble on purpose: turned on by its page, seen as retries and dead letters, then mended."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.looks import SHAPES, faults, shaped
from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser
BANNER = ".notice.warning"
PLACES = """
    [...document.querySelectorAll("h1, a, button, select")]
        .map((one) => [one.textContent, one.getBoundingClientRect().y])
"""


@pytest.fixture(scope="module")
def in_log_mode(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Without the channel of a team, beside which there is no chaos."""
    running = Product(tmp_path_factory.mktemp("chaos"), ["email", "push", "sms"])
    yield running
    running.end()


def turn_up(page: Page, dial: str) -> None:
    slider = page.locator(f'[id="{dial}"]')
    slider.focus()
    slider.press("End")


def reads(page: Page, dial: str) -> str:
    words: str = page.locator(f'output[for="{dial}"]').inner_text()
    return words


def test_retries_and_dead_letters_until_it_is_turned_off_and_a_replay(
    in_log_mode: Product, watched: Watching
) -> None:
    product = in_log_mode
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/chaos")
        turn_up(page, "sms.failure_rate")
        turn_up(page, "sms.refusal_rate")
        assert (reads(page, "sms.failure_rate"), reads(page, "sms.refusal_rate")) == (
            "0 %",
            "100 %",
        )
        turn_up(page, "email.failure_rate")
        page.click("text=Turn on")
        page.locator(BANNER).wait_for()
        assert "E-mail and SMS misbehave on purpose" in watch.look(page)

        accepted = product.http.post("/v1/messages", json={"category": "sports", "body": "Goal!"})
        message = f"{product.console}/messages/{accepted.json()['id']}"
        page = watch.open(message)
        page.locator(".state.dead").first.wait_for()
        page.locator(".state.retrying").first.wait_for()
        page.locator("text=Replay 2").wait_for()
        assert "Chaos is on" in watch.look(page)

        page.click(f"{BANNER} a")
        page.click("text=Turn everything off")
        page.locator("text=Turn on").wait_for()
        assert page.locator(BANNER).count() == 0

        page = watch.open(message)
        page.click("text=Replay 2")
        page.locator("[data-state=done]").wait_for()
        assert page.locator(".state.dead, .state.retrying").count() == 0
        assert page.locator(BANNER).count() == 0
        watch.look(page)
    by_state = product.get(f"/v1/messages/{accepted.json()['id']}")["deliveries"]["by_state"]
    assert by_state["delivered"] == 6


@pytest.mark.parametrize("width", [1280, 360])
def test_a_page_that_is_open_tells_it_at_once_and_nothing_moves(
    in_log_mode: Product, watched: Watching, width: int
) -> None:
    with watched("localhost", viewport={"width": width, "height": 800}) as watch:
        page = watch.open(f"{in_log_mode.console}/activity")
        page.locator("[data-live][data-standing=up]").wait_for()
        before = dict(page.evaluate(PLACES))
        in_log_mode.http.put("/v1/chaos", json={"channels": {"push": {"failure_rate": 1}}})
        page.locator(BANNER, has_text="Push misbehaves on purpose").wait_for()
        assert before.items() <= dict(page.evaluate(PLACES)).items()
        watch.look(page)
        in_log_mode.http.put("/v1/chaos", json={"channels": {}})
        page.locator(BANNER).wait_for(state="detached")


def test_without_scripts(in_log_mode: Product, watched: Watching) -> None:
    with watched("localhost", java_script_enabled=False) as watch:
        page = watch.open(f"{in_log_mode.console}/chaos")
        turn_up(page, "push.latency_seconds")
        page.click("text=Turn on")
        page.locator(BANNER).wait_for()
        assert reads(page, "push.latency_seconds") == "10 s"
        page.click("text=Turn everything off")
        page.locator("text=Turn on").wait_for()
        assert "Chaos is on" not in watch.look(page)


@pytest.mark.parametrize(("width", "theme", "with_axe"), SHAPES)
def test_the_dials_fit_and_can_be_read(
    in_log_mode: Product, watched: Watching, width: int, theme: str, with_axe: bool
) -> None:
    dials = {"channels": {"sms": {"failure_rate": 0.5}, "email": {"latency_seconds": 1.5}}}
    in_log_mode.http.put("/v1/chaos", json=dials)
    with watched("localhost", **shaped(width, theme)) as watch:
        for path in ("/chaos", "/pub"):
            page = watch.open(in_log_mode.console + path)
            assert "Chaos is on" in watch.look(page)
            assert faults(page, with_axe=with_axe) == []
    in_log_mode.http.put("/v1/chaos", json={"channels": {}})
