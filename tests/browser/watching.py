"""Who looks at every page while it is open: whatever a page should never do is written down."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

from tests.browser.payloads import HOSTILE_ELEMENTS

PATIENCE_MS = 15_000
LISTENER = """
    window.__xss = () => __trouble("the canary was called");
    document.addEventListener("securitypolicyviolation", (event) =>
        __trouble(`${event.violatedDirective} of ${event.blockedURI} at ${event.sourceFile}`));
"""


@dataclass  # without slots: Playwright keeps its wrappers beside the methods that it calls
class Watch:
    """One browser context with its eyes open; `home` are the hosts it may ask.

    Without `ours` the pages are somebody else's, who may get into trouble.
    """

    context: BrowserContext
    home: frozenset[str]
    troubles: list[str] = field(default_factory=list)
    views: int = 0
    ours: bool = True

    def begin(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.expose_function("__trouble", self._trouble)
        self.context.add_init_script(LISTENER)
        self.context.on("request", self._request)
        self.context.on("page", self._watch)

    def open(self, address: str) -> Page:
        """The page at an address, in the one tab of the context."""
        page = self.context.pages[0] if self.context.pages else self.context.new_page()
        page.goto(address)
        return page

    def look(self, page: Page) -> str:
        """The text of a page in which nothing is that should not be."""
        found = page.locator(HOSTILE_ELEMENTS)
        made = [found.nth(n).evaluate("e => e.outerHTML")[:200] for n in range(found.count())]
        assert made == [], page.url
        assert self.troubles == [], page.url
        self.views += 1
        text: str = page.locator("body").inner_text()
        return text

    def _trouble(self, what: str) -> None:
        self.troubles.append(what)

    def _request(self, request: Request) -> None:
        host = re.match(r"\w+://([^/:]*)", request.url)
        if host is not None and host[1] not in self.home:
            self.troubles.append(f"asked for {request.url}")

    def _watch(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))

    def _dialog(self, dialog: Dialog) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        # That an answer is a refusal is the browser's remark, and nothing that a page does.
        if message.type == "error" and "responded with a status of 4" not in message.text:
            self.troubles.append(f"console: {message.text}")


@contextmanager
def watching(browser: Browser, *home: str, ours: bool = True, **options: Any) -> Iterator[Watch]:
    """A context that fails the test if anything was amiss, also after the last look."""
    context = browser.new_context(**options)
    watch = Watch(context, frozenset(home), ours=ours)
    watch.begin()
    try:
        yield watch
    finally:
        context.close()
    assert watch.troubles == [] or not ours


Watching = Callable[..., Any]
