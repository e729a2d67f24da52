"""In which shapes pages are looked at, and what must be wrong in none of them."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHAPES = [(1280, "light", False), (1280, "dark", True), (360, "light", True), (360, "dark", False)]
"""Width, theme, and whether axe looks at it too: each theme and each width once is enough."""
AXE = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
TOO_WIDE = "document.documentElement.scrollWidth > innerWidth"


def shaped(width: int, theme: str) -> dict[str, Any]:
    """What makes a context a desk or a phone, light or dark."""
    return {"viewport": {"width": width, "height": 800}, "color_scheme": theme}


def seen_by_axe(page: Page) -> list[str]:
    told = Axe().run(page, options=AXE).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in told]


def faults(page: Page, *, with_axe: bool = True) -> list[str]:
    """Wider than its window, or not to be read by everybody."""
    wide = ["wider than its window"] if page.evaluate(TOO_WIDE) else []
    return wide + (seen_by_axe(page) if with_axe else [])
