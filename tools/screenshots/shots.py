"""Which pictures there are, in the order in which the story brings them about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page

PHONE = 360


def nothing(_: Page) -> None:
    """The page as it opens."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: `shows` is the route, `address` where it is in the story."""

    name: str
    part: str
    shows: str
    address: str
    act: Callable[[Page], None] = nothing
    width: int = 1280
    theme: Literal["light", "dark"] = "light"


def write(page: Page) -> None:
    page.fill("#title", "Goal!")
    page.fill("#body", "2:1 in the 93rd minute.")
    page.locator("#counters:has-text('GSM-7')").wait_for()
    page.locator(".rendering:has-text('93rd')").first.wait_for()


def send(page: Page) -> None:
    write(page)
    page.click("button.primary")
    page.locator("#result [data-state=done]").wait_for()
    page.locator("#result").scroll_into_view_if_needed()


def charted(page: Page) -> None:
    page.locator("#chart canvas").wait_for()


def listed(page: Page) -> None:
    page.locator(".opblock").first.wait_for()


SHOTS = (
    Shot("home-empty", "beginning", "home.page", "{console}/"),
    Shot("home", "middle", "home.page", "{console}/"),
    Shot("home-dark", "middle", "home.page", "{console}/", theme="dark"),
    Shot("home-phone", "middle", "home.page", "{console}/", width=PHONE),
    Shot("publish", "again", "publishing.page", "{console}/pub?category=sports", write),
    Shot("activity", "again", "activity.page", "{console}/activity"),
    Shot("message", "again", "messages.page", "{console}/messages/{dead}"),
    Shot("recipient", "again", "messages.recipient", "{console}/messages/{dead}/to/ada"),
    Shot("delivery", "again", "messages.one_delivery", "{console}/deliveries/{letter}"),
    Shot("subscribers", "again", "subscribers.page", "{console}/subscribers"),
    Shot("subscriber", "again", "subscriber.page", "{console}/subscribers/chloe"),
    Shot("dead", "again", "dead.page", "{console}/dead"),
    Shot("dead-look", "again", "dead.page", "{console}/dead?message={dead}"),
    Shot("settings", "again", "configuration.page", "{console}/settings"),
    Shot("api", "again", "broker /docs", "{broker}/docs", listed),
    Shot("api-entrance", "again", "api_pages", "{console}/docs"),
    Shot("sub", "again", "broker /sub", "{broker}/sub?subscriber=ben"),
    Shot("sub-phone", "again", "broker /sub", "{broker}/sub?subscriber=ben", width=PHONE),
    Shot("chaos", "trouble", "chaos.page", "{console}/chaos"),
    Shot("queue", "trouble", "queueing.page", "{console}/queue", charted),
    Shot("queue-dark", "trouble", "queueing.page", "{console}/queue", charted, theme="dark"),
    Shot("message-retrying", "trouble", "messages.page", "{console}/messages/{retried}"),
    Shot("published", "end", "publishing.page", "{console}/pub?category=sports", send),
)
