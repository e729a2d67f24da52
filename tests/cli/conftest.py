"""The command line as people use it: in a folder of its own, against a real broker."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from notefly.cli import main
from tests.broker.service import Broker

Notefly = Callable[..., Result]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """With the mock subscribers; tests only add to it."""
    running = Broker(tmp_path_factory.mktemp("cli") / "data", mocks=True)
    yield running
    running.stop()


def some_port() -> int:
    """One that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    return some_port()


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int) -> Notefly:
    """Commands where no broker runs."""
    monkeypatch.chdir(tmp_path)
    environ = {"NOTEFLY_BROKER_URL": f"http://127.0.0.1:{free_port}"}

    def run(*words: str, **settings: str) -> Result:
        given = {f"NOTEFLY_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(main, words, env=environ | given)

    return run


@pytest.fixture
def notefly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: Broker) -> Notefly:
    """Commands beside the running broker."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, words, env={"NOTEFLY_BROKER_URL": broker.url}, input=stdin)

    return run
