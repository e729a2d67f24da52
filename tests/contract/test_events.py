import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notefly.domain.delivery import State
from notefly.domain.log import Event
from tests.contract.events import events, figures
from tests.support.checks import Check
from tests.support.world import World


@events.parametrise()
async def test_every_event_log(world: World, check: Check) -> None:
    await check(world)


@figures.parametrise()
async def test_all_figures_and_controls(world: World, check: Check) -> None:
    await check(world)


@dataclass
class Wrong:
    """Right, but for what a subclass breaks."""

    right: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


class HidesGaps(Wrong):
    """What is not kept any more is passed over in silence."""

    async def read(self, after: int, limit: int) -> Sequence[Event]:
        return await self.right.read(after, limit) or []


class NeverWakes(Wrong):
    async def watch(self) -> AsyncIterator[None]:
        yield
        raise AssertionError("it would wait for ever")


class CountsMembers(Wrong):
    """Totals that forget the rounds before a replay."""

    async def deliveries(self) -> Mapping[tuple[str, State], int]:
        return {key: min(n, 1) for key, n in (await self.right.deliveries()).items()}


class ForgetsPauses(Wrong):
    async def pause(self, channel: str) -> None:
        await asyncio.sleep(0)


async def test_the_suites_notice_wrong_ones() -> None:
    assert await events.failed_by(lambda w: replace(w, events=HidesGaps(w.events)))
    assert await events.failed_by(lambda w: replace(w, events=NeverWakes(w.events)))
    assert await figures.failed_by(lambda w: replace(w, figures=CountsMembers(w.figures)))
    assert await figures.failed_by(lambda w: replace(w, control=ForgetsPauses(w.control)))
