"""Everything that happens after a 202."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from notefly.application import engine, pace
from notefly.application.patience import Terms
from notefly.domain.delivery import State
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import ChannelDied, HandOver
from tests.application.house import House, house_with
from tests.support.channels import Scripted
from tests.support.story import join, logged, profile


async def test_a_goal_reaches_everybody_on_what_they_chose(house: House) -> None:
    await house.subscribers.add(
        [
            profile("ada", "sports movies", "sms email push"),
            profile("bob", "sports", "email", {"sports": "push"}),
            profile("cleo", "movies", "sms"),
        ]
    )
    async with house.running():
        message = await house.goal()
        assert await house.done(message) == {State.DELIVERED: 4}
    lines = await logged(house.world)
    assert sorted((line.subscriber_id, line.channel) for line in lines) == [
        ("ada", "email"),
        ("ada", "push"),
        ("ada", "sms"),
        ("bob", "push"),
    ]
    assert house.channels["email"].called == ["ada"]
    assert house.meter.attempts == 3
    assert await house.queue.depth() == 0


async def test_a_channel_that_kills_every_batch_ends_too(tmp_path: Path) -> None:
    async def dies(_: HandOver) -> Outcomes:
        raise ChannelDied("signal 9")

    channel = Scripted(per_recipient=False, answer=dies)
    async with house_with(tmp_path, channel) as house, house.running():
        await join(house.world, "ada", "bob", "cleo")
        message = await house.goal()
        assert await house.done(message, 0.1) == {State.DEAD: 3}


async def test_a_slow_channel_holds_up_nobody_else(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(_: HandOver) -> Outcomes:
        await release.wait()
        return Outcomes(Delivered())

    channels = (
        Scripted("sms", "phone", answer=slow),
        Scripted("email", "email"),
        Scripted("push", "push_token", per_recipient=False),
    )
    async with house_with(tmp_path, *channels) as house, house.running(Terms()):
        await join(house.world, "ada", channels="sms email push")
        message = await house.goal()
        await house.reaches(message, {State.DELIVERED: 2, State.SENDING: 1})
        release.set()
        assert await house.done(message) == {State.DELIVERED: 3}


async def test_cancelling_reaches_a_paused_channel(house: House) -> None:
    await join(house.world, "ada", "bob", channels="sms")
    await house.switch.pause("sms")
    async with house.running():
        message = await house.goal()
        await house.reaches(message, {State.PENDING: 2})
        await house.messages.cancel(message)
        assert await house.done(message) == {State.CANCELLED: 2}


async def test_what_expires_before_its_turn_is_dead(house: House) -> None:
    await join(house.world, "ada")
    message = await house.goal(expires_at=house.clock.now() + timedelta(seconds=5))
    house.clock.advance(5)
    async with house.running():
        assert await house.done(message) == {State.DEAD: 1}


async def test_a_lease_is_kept_while_a_channel_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "KEEP_SECONDS", 0.001)
    release = asyncio.Event()

    async def slow(_: HandOver) -> Outcomes:
        await release.wait()
        return Outcomes(Delivered())

    channel = Scripted(answer=slow)
    async with house_with(tmp_path, channel) as house, house.running(Terms()):
        await join(house.world, "ada")
        message = await house.goal()
        await house.reaches(message, {State.SENDING: 1})
        for _ in range(4):
            seen = await house.world.events.last()
            house.advance(40)
            await house.until(lambda: looked(house))
            assert await house.world.events.last() == seen
        release.set()
        assert await house.done(message) == {State.DELIVERED: 1}
        assert len(channel.calls) == 1


async def looked(house: House) -> bool:
    """The reconciler heard its bell, and a commit came after."""
    return not house.bells.reconciler._event.is_set()


async def test_planning_goes_on_while_there_is_something_to_plan(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "CALM_SECONDS", 0.0)
    monkeypatch.setattr(pace, "BUSY_SECONDS", 0.0)
    await join(house.world, "ada", "bob", channels="sms email push")
    first, second = await house.goal(), await house.goal()
    async with house.running():
        for message in (first, second):
            assert await house.done(message) == {State.DELIVERED: 6}


async def test_the_reconciler_looks_without_being_rung(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RECONCILE_SECONDS", 0.001)
    monkeypatch.setattr(engine, "KEEP_SECONDS", 0.001)
    looks = []

    async def several() -> bool:
        looks.append(1)
        return len(looks) > 2 * engine.REOFFER_EVERY

    async with house.running():
        await house.until(several)
        # What the queue forgot is offered again by the walk over everything unfinished.
        await house.world.control.pause("sms")
        await join(house.world, "ada", channels="push")
        message = await house.goal()
        assert await house.done(message) == {State.DELIVERED: 1}
