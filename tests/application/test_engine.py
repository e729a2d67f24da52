"""Everything that happens after a 202."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from notefly.application import engine, log, pace
from notefly.application.lane import Terms
from notefly.domain.delivery import Reason, State
from notefly.domain.log import DeliveryFilter
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.channel import ChannelDied, HandOver
from tests.application.house import Asked, House, house_with
from tests.support.channels import Scripted
from tests.support.story import join, logged, plan, profile, states
from tests.support.world import violations


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


async def test_what_was_accepted_before_the_start_is_delivered(house: House) -> None:
    await join(house.world, "ada", channels="sms email")
    planned, unplanned = await house.goal(), await house.goal()
    await house.world.batches.plan({"sms": 1, "email": 1}, 0.0)
    async with house.running():
        for message in (planned, unplanned):
            assert await house.done(message) == {State.DELIVERED: 2}


async def test_what_is_told_to_wait_is_tried_again_when_it_is_due(tmp_path: Path) -> None:
    async def first_time(hand_over: HandOver) -> Outcomes:
        return Outcomes(Retry("busy") if hand_over.attempt == 1 else Delivered())

    channel = Scripted(answer=first_time)
    async with house_with(tmp_path, channel) as house, house.running():
        await join(house.world, "ada", "bob")
        message = await house.goal()
        await house.reaches(message, {State.RETRYING: 2})
        house.advance(60)
        assert await house.done(message) == {State.DELIVERED: 2}
        assert [call.attempt for call in channel.calls] == [1, 2]


async def test_the_budget_ends_in_a_dead_letter_that_can_be_replayed(tmp_path: Path) -> None:
    async def busy(_: HandOver) -> Outcomes:
        return Outcomes(Retry("busy"))

    channel = Scripted(answer=busy)
    async with house_with(tmp_path, channel) as house, house.running():
        await join(house.world, "ada")
        message = await house.goal()
        for attempt in (1, 2):
            await house.tried(message, attempt)
            house.advance(60)
        assert await house.done(message) == {State.DEAD: 1}
        [dead] = await logged(house.world)
        assert (dead.reason, dead.attempts, dead.detail) == (Reason.EXHAUSTED, 3, "busy")
        channel.answer = Scripted().answer
        await house.replay.one(dead.id, None)
        assert await house.done(message) == {State.DELIVERED: 1}
        assert channel.calls[-1].attempt == 4


async def test_a_channel_that_dies_leaves_one_dead_letter(tmp_path: Path) -> None:
    async def dies_on_bob(hand_over: HandOver) -> Outcomes:
        if any(person.subscriber_id == "bob" for person in hand_over.recipients):
            raise ChannelDied("signal 9")
        return Outcomes(Delivered())

    async with house_with(tmp_path, Scripted(answer=dies_on_bob)) as house, house.running():
        await join(house.world, "ada", "bob", "cleo", "dan", "eve")
        message = await house.goal()
        assert await house.done(message) == {State.DELIVERED: 4, State.DEAD: 1}
        [dead] = [line for line in await logged(house.world) if line.state is State.DEAD]
        assert (dead.subscriber_id, dead.reason) == ("bob", Reason.POISON)
        assert await violations(house.world) == []


async def test_a_channel_that_kills_every_batch_ends_too(tmp_path: Path) -> None:
    async def dies(_: HandOver) -> Outcomes:
        raise ChannelDied("signal 9")

    channel = Scripted(per_recipient=False, answer=dies)
    async with house_with(tmp_path, channel) as house, house.running():
        await join(house.world, "ada", "bob", "cleo")
        message = await house.goal()
        assert await house.done(message) == {State.DEAD: 3}


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


async def test_a_paused_channel_keeps_its_batches(house: House) -> None:
    await join(house.world, "ada", channels="sms push")
    await house.switch.pause("sms")
    async with house.running():
        message = await house.goal()
        await house.reaches(message, {State.DELIVERED: 1, State.PENDING: 1})
        assert await house.switch.paused() == {"sms"}
        await house.switch.resume("sms")
        assert await house.done(message) == {State.DELIVERED: 2}
        await house.switch.pause("sms")
        again = await house.goal()
        await house.reaches(again, {State.DELIVERED: 1, State.PENDING: 1})
    await house.switch.resume("sms")
    async with house.running():
        assert await house.done(again) == {State.DELIVERED: 2}


async def test_cancelling_reaches_a_paused_channel(house: House) -> None:
    await join(house.world, "ada", "bob", channels="sms")
    await house.switch.pause("sms")
    async with house.running():
        message = await house.goal()
        await house.reaches(message, {State.PENDING: 2})
        await house.messages.cancel(message)
        assert await house.done(message) == {State.CANCELLED: 2}


async def test_cancelling_reaches_what_waits(tmp_path: Path) -> None:
    async def busy(_: HandOver) -> Outcomes:
        return Outcomes(Retry("busy", after_seconds=3_600))

    async with house_with(tmp_path, Scripted(answer=busy)) as house, house.running():
        await join(house.world, "ada", "bob")
        message = await house.goal()
        await house.reaches(message, {State.RETRYING: 2})
        found = await house.messages.cancel(message)
        assert found.cancelled_at == house.clock.now()
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


async def test_a_large_replay_ends_though_the_channel_refuses_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "REPLAY_STEP", 1)

    async def refuses(_: HandOver) -> Outcomes:
        return Outcomes(Refused("no"))

    channel = Scripted(per_recipient=False, answer=refuses)
    async with house_with(tmp_path, channel) as house, house.running():
        await join(house.world, *(f"p{n}" for n in range(5)))
        message = await house.goal()
        assert await house.done(message) == {State.DEAD: 5}
        assert await house.replay.all(DeliveryFilter(), None) == 5
        assert await house.done(message) == {State.DEAD: 5}


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


async def test_what_the_queue_lost_is_the_leaders_to_offer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RECONCILE_SECONDS", 0.001)
    leadership = house.leadership = Asked()
    await join(house.world, "ada")
    message = await house.goal()
    await plan(house.world)

    async def asked_for_long() -> bool:
        return leadership.times > 2 * engine.REOFFER_EVERY

    async with house.running():
        await house.until(asked_for_long)
        assert (await states(house.world, message))[State.PENDING] == 1
        leadership.yes = True
        assert await house.done(message) == {State.DELIVERED: 1}
