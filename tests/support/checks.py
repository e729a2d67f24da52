"""What makes a suite: plain checks that take a world, so that they can be run on wrong ones too."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.time import VirtualClock
from tests.support.world import World, sqlite_memory

Check = Callable[[World], Awaitable[None]]


class Suite(list[Check]):
    """The checks of one port."""

    def __call__(self, check: Check) -> Check:
        self.append(check)
        return check

    def parametrise(self) -> pytest.MarkDecorator:
        return pytest.mark.parametrize("check", self, ids=lambda check: check.__name__)

    async def failed_by(self, wrong: Callable[[World], World]) -> list[str]:
        """The checks that notice a wrong adapter."""
        return [check.__name__ for check in self if await _fails(check, wrong)]


async def _fails(check: Check, wrong: Callable[[World], World]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with sqlite_memory(Path(folder), VirtualClock()) as world:
            try:
                await check(wrong(world))
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however it shows
                return True
    return False
