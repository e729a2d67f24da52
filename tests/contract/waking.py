"""What every Wakeups does: checks for all, and for those that reach another process."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from notefly.ports.wakeups import Topic, Wakeups

PATIENCE_SECONDS = 10.0
"""Only wrong ones let a test wait so long."""
FENCE = Topic.SWITCHED
"""Rung by the checks themselves, to know that what was rung before would have been heard."""


@dataclass(frozen=True)
class Pair:
    """Two processes on one store, if their engine can have two."""

    mine: Wakeups
    theirs: Wakeups
    reach: bool
    """Whether one can be heard by the other at all."""

    async def settle(self) -> None:
        """Whatever was rung by `mine` was heard by now, here and there."""
        if self.reach:
            await _heard(self.mine, self.theirs)
            await _heard(self.theirs, self.mine)


class Heard:
    """How often a process was rung at."""

    def __init__(self, wakeups: Wakeups, topic: Topic) -> None:
        self.times = 0
        self._event = asyncio.Event()
        wakeups.listen(topic, self._ring)

    def _ring(self) -> None:
        self.times += 1
        self._event.set()

    async def again(self) -> None:
        """Once more than before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._event.wait()
        self._event.clear()


async def _heard(one: Wakeups, other: Wakeups) -> None:
    heard = Heard(other, FENCE)
    one.ring(FENCE)
    await heard.again()


WakingCheck = Callable[[Pair], Awaitable[None]]
always: list[WakingCheck] = []
reaching: list[WakingCheck] = []


def for_all(check: WakingCheck) -> WakingCheck:
    always.append(check)
    return check


def between(check: WakingCheck) -> WakingCheck:
    reaching.append(check)
    return check


@for_all
async def ringing_is_no_work_for_whoever_rings(pair: Pair) -> None:
    for _ in range(100):
        for topic in Topic:
            pair.mine.ring(topic)


@for_all
async def nobody_hears_itself(pair: Pair) -> None:
    heard = Heard(pair.mine, Topic.OFFERED)
    pair.mine.ring(Topic.OFFERED)
    await pair.settle()
    assert not heard.times


@between
async def each_ring_is_heard_elsewhere(pair: Pair) -> None:
    for topic in Topic:
        heard = Heard(pair.theirs, topic)
        for _ in range(3):
            pair.mine.ring(topic)
            await heard.again()


@between
async def it_goes_both_ways(pair: Pair) -> None:
    mine, theirs = Heard(pair.mine, Topic.REPLAYED), Heard(pair.theirs, Topic.REPLAYED)
    pair.mine.ring(Topic.REPLAYED)
    pair.theirs.ring(Topic.REPLAYED)
    await mine.again()
    await theirs.again()


@between
async def a_topic_rings_no_other(pair: Pair) -> None:
    others = [Heard(pair.theirs, topic) for topic in Topic if topic not in (FENCE, Topic.REPLAYED)]
    pair.mine.ring(Topic.REPLAYED)
    await pair.settle()
    assert [other.times for other in others] == [0, 0]


@between
async def everybody_who_listens_hears(pair: Pair) -> None:
    several = [Heard(pair.theirs, Topic.COMMITTED) for _ in range(3)]
    pair.mine.ring(Topic.COMMITTED)
    for heard in several:
        await heard.again()


@between
async def what_is_rung_often_is_heard_once_at_least(pair: Pair) -> None:
    heard = Heard(pair.theirs, Topic.COMMITTED)
    for _ in range(1_000):
        pair.mine.ring(Topic.COMMITTED)
    await pair.settle()
    assert 1 <= heard.times <= 1_000
