"""An engine that ends: what it records, what it leaves to the next one."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from notefly.application import lanes
from notefly.domain.delivery import State
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver
from tests.application.house import QUICK, House, house_with
from tests.support.channels import Scripted
from tests.support.story import claim, join, plan, states
from tests.support.time import VirtualClock
from tests.support.troubled import Troubled
from tests.support.world import sqlite_file, violations

FULL = Unavailable("the disk is full")


async def test_a_stop_records_what_is_under_way(tmp_path: Path) -> None:
    called, release = asyncio.Event(), asyncio.Event()

    async def slow(_: HandOver) -> Outcomes:
        called.set()
        await release.wait()
        return Outcomes(Delivered())

    async with house_with(tmp_path, Scripted(batch_size=1, answer=slow)) as house:
        await join(house.world, *"abcdefgh")
        message = await house.goal()
        engine = house.engine()
        await engine.start()
        await called.wait()
        stopping = asyncio.create_task(engine.stop())
        await asyncio.sleep(0)
        release.set()
        await stopping
        found = await states(house.world, message)
        assert found[State.DELIVERED] + found[State.PENDING] == 8
        assert 1 <= found[State.DELIVERED] <= 4


async def test_a_stop_gives_up_on_what_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "DRAIN_SECONDS", 0.01)
    called = asyncio.Event()

    async def hangs(_: HandOver) -> Outcomes:
        called.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with house_with(tmp_path, Scripted(answer=hangs)) as house:
        await join(house.world, "ada")
        message = await house.goal()
        engine = house.engine(replace(QUICK, deadline=60.0))
        await engine.start()
        await called.wait()
        await engine.stop()
        assert await states(house.world, message) == {State.SENDING: 1}


async def test_a_stop_does_not_wait_for_a_store_that_refuses(tmp_path: Path) -> None:
    refused = asyncio.Event()

    class Full(Troubled):
        @override
        def _trouble(self, verb: str) -> None:
            if verb == "finish":
                refused.set()
                raise FULL

    async with house_with(tmp_path, Scripted()) as right:
        house = House(replace(right.world, batches=Full(right.world.batches)), right.channels)
        await join(house.world, "ada")
        message = await house.goal()
        async with house.running():
            await refused.wait()
        assert await states(house.world, message) == {State.SENDING: 1}


async def test_an_engine_that_was_never_started_stops(house: House) -> None:
    await house.engine().stop()


async def test_what_a_killed_process_left_is_delivered_by_the_next(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        await join(world, "ada", "bob", "cleo")
        first = House(world, {"sms": Scripted(per_recipient=False)})
        message, later_one = await first.goal(), await first.goal()
        await claim(world, (await plan(world, size=2))[0])
        assert await states(world, message) == {State.SENDING: 2, State.PENDING: 1}
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        house = House(world, {"sms": Scripted(per_recipient=False)})
        async with house.running():
            for one in (message, later_one):
                assert await house.done(one) == {State.DELIVERED: 3}
        assert await violations(world) == []
        assert list(await world.batches.unfinished(BatchKey(0), 10)) == []


async def test_a_pump_that_is_cancelled_ends(house: House) -> None:
    async with house.running() as running:
        pumps = list(running._lanes._pumping)
        await asyncio.sleep(0)
        for pump in pumps:
            pump.cancel()
        await asyncio.wait(pumps)
        assert all(pump.cancelled() for pump in pumps)
