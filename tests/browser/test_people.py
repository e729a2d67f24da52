"""Preferences at a click, addresses while they are typed, a test to one person."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route

from tests.browser.product import Product
from tests.browser.watching import Watching

pytestmark = pytest.mark.browser
PEOPLE = re.compile(r"(\d+)\s+(?:person|people)")


def audience(page: Page, product: Product, category: str) -> int:
    """How many would get it, by what the publish page says."""
    page.goto(f"{product.console}/pub?category={category}")
    found = PEOPLE.search(page.locator("#preview").inner_text())
    return 0 if found is None else int(found[1])


@pytest.fixture
def gil(product: Product) -> Iterator[str]:
    """Somebody who can be reached in two ways and chose none; nobody counts on them later."""
    product.put("gil", name="Gil Grid", email="gil@example.org", phone="+12025550190")
    yield f"{product.console}/subscribers/gil"
    product.http.delete("/v1/subscribers/gil")


def last_first(count: int) -> Callable[[Route], None]:
    """So many requests reach the server in their order, and are answered in the opposite one."""
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)
        if len(asked) == count:
            answers = [(one, one.fetch()) for one in asked]
            for one, answer in reversed(answers):
                one.fulfill(response=answer)

    return hold


def test_a_click_in_the_grid_changes_the_audience(product: Product, watched: Watching) -> None:
    with watched("localhost") as mine, watched("localhost") as theirs:
        pub = theirs.context.new_page()
        before = audience(pub, product, "finance")
        grid = mine.open(f"{product.console}/subscribers")
        grid.click("#c-femi-finance-email")
        grid.locator("#c-femi-finance-email[aria-pressed=true]").wait_for()
        focused = grid.evaluate("document.activeElement.id")
        assert focused == "c-femi-finance-email", "the keyboard stays where it was"
        assert audience(pub, product, "finance") == before + 1
        assert "Femi Adeyemi" in theirs.look(pub)
        grid.keyboard.press("Enter")
        grid.locator("#c-femi-finance-email[aria-pressed=false]").wait_for()
        assert audience(pub, product, "finance") == before
        mine.look(grid)


def test_quick_clicks_are_all_shown_whichever_is_answered_first(
    product: Product, watched: Watching, gil: str
) -> None:
    with watched("localhost") as watch:
        page = watch.open(gil)
        page.route("**/choice", last_first(3), times=3)
        page.evaluate(
            "for (const c of ['movies-sms', 'sports-email', 'finance-sms'])"
            " document.getElementById(`c-gil-${c}`).click()"
        )
        for cell in ("movies-sms", "sports-email", "finance-sms"):
            page.locator(f"#c-gil-{cell}[aria-pressed=true]").wait_for()
        assert page.is_disabled("#c-gil-movies-push")
        watch.look(page)
        chosen = product.get("/v1/subscribers/gil")
        assert chosen["overrides"] == {"finance": ["sms"], "movies": ["sms"], "sports": ["email"]}


def test_a_click_while_the_console_is_away_says_so(watched: Watching, gil: str) -> None:
    with watched("localhost", ours=False) as watch:
        page = watch.open(gil)
        page.route("**/choice", lambda route: route.abort())
        page.click("#c-gil-movies-sms")
        page.locator("#trouble", has_text="Nothing was saved").wait_for()
        page.unroute("**/choice")
        page.click("#c-gil-movies-sms")
        page.locator("#c-gil-movies-sms[aria-pressed=true]").wait_for()
        assert page.locator("#trouble").inner_text() == ""


def test_an_address_is_spelled_while_it_is_written(watched: Watching, gil: str) -> None:
    with watched("localhost") as watch:
        page = watch.open(gil)
        page.fill("#address-phone", "+1 (202) 555-0199")
        page.locator("#address-phone").blur()
        page.locator("#said-phone", has_text="Stored as +12025550199").wait_for()
        assert page.input_value("#address-phone") == "+12025550199"
        page.fill("#address-phone", "12")
        page.locator("#address-phone").blur()
        page.locator("#address-phone[aria-invalid=true]").wait_for()
        page.click("text=Save")
        page.locator(".notice.bad", has_text="Nothing was saved").wait_for()
        watch.look(page)


def test_a_test_arrives_on_the_page_by_itself(watched: Watching, gil: str) -> None:
    with watched("localhost") as watch:
        page = watch.open(gil)
        page.click("#c-gil-sports-sms")
        page.locator("#c-gil-sports-sms[aria-pressed=true]").wait_for()
        page.select_option("#category", "sports")
        page.fill("#body", "Only for Gil")
        page.click("text=Send the test")
        page.locator(".lately .state.delivered").first.wait_for()
        assert "Only for Gil" in watch.look(page)


def test_without_scripts_a_cell_is_a_form(product: Product, watched: Watching) -> None:
    with watched("localhost", java_script_enabled=False) as watch:
        page = watch.open(f"{product.console}/subscribers")
        page.click("#c-femi-finance-email")
        assert page.url == f"{product.console}/subscribers"
        assert page.get_attribute("#c-femi-finance-email", "aria-pressed") == "true"
        page.click("#c-femi-finance-email")
        assert page.get_attribute("#c-femi-finance-email", "aria-pressed") == "false"
        watch.look(page)


def test_somebody_is_added_and_erased(product: Product, watched: Watching) -> None:
    with watched("localhost") as watch:
        page = watch.open(f"{product.console}/subscribers")
        page.click("summary")
        page.fill("#name", "Nina <b>New</b>")
        page.fill("#address-email", "nina@example.org")
        page.fill("#id", "nina")
        page.click("text=Add >> nth=-1")
        page.wait_for_url("**/subscribers/nina?said=added")
        assert "Nina <b>New</b>" in watch.look(page)
        page.click("text=Erase this person")
        page.click("button.danger")
        page.locator(".notice", has_text="Erased.").wait_for()
        assert product.http.get("/v1/subscribers/nina").status_code == 404
