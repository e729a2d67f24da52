"""For every test."""

import logging
import os
import re
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import settings
from typing_extensions import override

# The same examples each time: what passes on a desk passes elsewhere. `make machine` looks further.
settings.register_profile("same-each-time", derandomize=True, deadline=None)
settings.load_profile("same-each-time")

# The tier of the browser has needs of its own, which `make test-browser` sees to.
collect_ignore = [] if find_spec("playwright") else ["browser"]

ADDRESS = re.compile(r"[\w.+-]+@example\.(?:com|net|org)|\+?1 ?202 ?555 ?\d{4}", re.IGNORECASE)
"""What all people of the tests have as addresses."""

KEY = re.compile(r"nf_[0-9a-z]+_[0-9a-f]{64}")

OWN_CLIENTS = ("httpx2", "httpcore2")
"""With which the tests ask, in this process, for whatever they like."""


class Named(logging.Handler):
    """Hears every word logged in this process, tracebacks too; keeps those that name somebody."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(OWN_CLIENTS):
            return
        text = self.format(record)
        if ADDRESS.search(text) or KEY.search(text):
            self.lines.append(f"{record.name}: {text}")


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_caller() -> Iterator[None]:
    """Neither tests nor the processes they start see the settings of whoever runs them.

    What chooses the size of a run (NOTEFLY_MACHINE) has been read by then, at the import.
    """
    with pytest.MonkeyPatch.context() as caller:
        for name in [name for name in os.environ if name.startswith("NOTEFLY_")]:
            caller.delenv(name)
        yield


NAMED = pytest.StashKey[Named]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NAMED] = Named()
    logging.getLogger().addHandler(config.stash[NAMED])
    logging.getLogger().setLevel(logging.DEBUG)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[NAMED].lines:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash[NAMED].lines:
        terminalreporter.write_line(f"an address was logged: {line}", red=True)
