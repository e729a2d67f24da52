"""Who looks at every page while it is open: whatever a page should never do is written down."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Route

from tests.browser.payloads import HOSTILE_ELEMENTS

PATIENCE_MS = 15_000
LISTENER = """
    window.__xss = () => __trouble("the canary was called");
    document.addEventListener("securitypolicyviolation", (event) =>
        __trouble(`${event.violatedDirective} of ${event.blockedURI} at ${event.sourceFile}`));
"""


@dataclass  # without slots: Playwright keeps its wrappers beside the methods that it calls
class Watch:
    """One browser context with its eyes open; `home` are the hosts it may ask."""

    context: BrowserContext
    home: frozenset[str]
    troubles: list[str] = field(default_factory=list)
    views: int = 0

    def begin(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.expose_function("__trouble", self._trouble)
        self.context.add_init_script(LISTENER)
        self.context.route(self._foreign, self._stop)
        self.context.on("page", self._watch)

    def open(self, address: str) -> Page:
        """A page at an address, in a tab of its own."""
        page = self.context.new_page()
        page.goto(address)
        return page

    def look(self, page: Page) -> str:
        """The text of a page in which nothing is that should not be."""
        found = page.locator(HOSTILE_ELEMENTS)
        made = [found.nth(n).evaluate("e => e.outerHTML")[:200] for n in range(found.count())]
        assert made == [], page.url
        assert self.troubles == [], page.url
        self.views += 1
        return page.locator("body").inner_text()

    def _trouble(self, what: str) -> None:
        self.troubles.append(what)

    def _foreign(self, url: str) -> bool:
        host = re.match(r"\w+://([^/:]*)", url)
        return host is not None and host[1] not in self.home

    def _stop(self, route: Route) -> None:
        self.troubles.append(f"asked for {route.request.url}")
        route.abort()

    def _watch(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text}")


@contextmanager
def watching(browser: Browser, *home: str, **options: Any) -> Iterator[Watch]:
    """A context that fails the test if anything was amiss, also after the last look."""
    context = browser.new_context(**options)
    watch = Watch(context, frozenset(home))
    watch.begin()
    try:
        yield watch
    finally:
        context.close()
    assert watch.troubles == []


Watching = Callable[..., Any]
