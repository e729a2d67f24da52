import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvloop

from notefly.adapters.channels.host import DEFAULT_LIMITS, SupervisedChannel
from notefly.adapters.channels.process import Limits
from notefly.ports.channel import Channel
from tests.channels import specimens
from tests.channels.hosting import Host, Line, Starts, StoppedClock


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The broker runs on uvloop, a team's own tests often do not: processes must work on both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def host(clock: StoppedClock) -> AsyncIterator[Host]:
    """Hosts an instance of a class; everything is closed after the test."""
    hosted: list[SupervisedChannel] = []

    def make(kind: Callable[[], Channel], limits: Limits = DEFAULT_LIMITS) -> SupervisedChannel:
        target = f"{kind.__module__}:{kind.__qualname__}"
        hosted.append(SupervisedChannel(kind(), target, monotonic=clock, limits=limits))
        return hosted[-1]

    yield make
    for channel in hosted:
        await channel.close()


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setenv(specimens.FIFO, str(tmp_path / "line"))
    with ExitStack() as opened:
        yield Line(tmp_path / "line", opened)


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    return Starts(tmp_path / "starts", monkeypatch)
