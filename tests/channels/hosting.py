"""What the tests of hosted channels watch processes with."""

import asyncio
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from notefly.adapters.channels.host import SupervisedChannel
from notefly.domain.outcome import Delivered
from tests.channels import specimens
from tests.channels.builders import hand_over

Host = Callable[..., SupervisedChannel]


class StoppedClock:
    """Moves when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Line:
    """A FIFO that a channel's process writes to; its end is the end of everybody who holds it."""

    def __init__(self, path: Path, opened: ExitStack) -> None:
        os.mkfifo(path)
        self._path = path
        self._opened = opened

    async def process(self) -> int:
        """Waits for the process to say who it is."""
        self._stream = self._opened.enter_context(await asyncio.to_thread(self._path.open))
        return int(await asyncio.to_thread(self._stream.readline))

    async def ended(self) -> None:
        assert not await asyncio.to_thread(self._stream.read)


class Starts:
    """Once forbidden, a specimen cannot be made any more, and each try is counted."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = path
        self._monkeypatch = monkeypatch

    def forbid(self) -> None:
        self._monkeypatch.setenv(specimens.STARTS, str(self._path))

    def count(self) -> int:
        return len(self._path.read_text().splitlines())


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def process_of(channel: SupervisedChannel) -> int:
    outcomes = await channel.send(hand_over(["anyone"]))
    match outcomes.default:
        case Delivered(str(detail)):
            return int(detail)
        case other:
            raise AssertionError(other)
