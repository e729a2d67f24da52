"""One Chromium and one product for all tests of the tier; each test has a context of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.elsewhere import EVIL, Elsewhere
from tests.browser.product import Product
from tests.browser.watching import Watch, Watching, watching

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost",
]
COUNTED = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COUNTED] = {"views": 0, "contexts": 0}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    counted = config.stash[COUNTED]
    if counted["contexts"]:
        terminalreporter.write_line(
            f"browser: {counted['views']} views of pages looked through, "
            f"in {counted['contexts']} browser contexts"
        )


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    assert found, "there is no chromium; `make test-browser` says how to get it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product"))
    yield running
    running.end()


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    yield server
    server.end()


@pytest.fixture
def watched(chromium: Browser, request: pytest.FixtureRequest) -> Watching:
    """Makes contexts that are watched, and counts what they looked at."""
    counted = request.config.stash[COUNTED]

    @contextmanager
    def begin(*home: str, **options: Any) -> Iterator[Watch]:
        with watching(chromium, *home, **options) as watch:
            yield watch
            counted["contexts"] += 1
            counted["views"] += watch.views

    return begin
