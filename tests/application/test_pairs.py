"""Where store and queue meet: an engine delivers the same by every pair that is shipped."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from notefly.application import engine, log
from notefly.domain.delivery import Reason, State
from notefly.domain.log import DeliveryFilter
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.channel import ChannelDied, HandOver
from tests.application.house import Asked, House, house_with
from tests.support.channels import Scripted
from tests.support.pairs import PAIRS
from tests.support.story import join, logged, plan, states
from tests.support.world import violations

Opens = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(params=PAIRS)
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """A house with these channels over the pair."""
    return partial(house_with, tmp_path, pair=request.param)


async def test_what_was_accepted_before_the_start_is_delivered(opens: Opens) -> None:
    async with opens() as house:
        await join(house.world, "ada", channels="sms email")
        planned, unplanned = await house.goal(), await house.goal()
        await house.world.batches.plan({"sms": 1, "email": 1}, 0.0)
        async with house.running():
            for message in (planned, unplanned):
                assert await house.done(message) == {State.DELIVERED: 2}


async def test_what_is_told_to_wait_is_tried_again_when_it_is_due(opens: Opens) -> None:
    async def first_time(hand_over: HandOver) -> Outcomes:
        return Outcomes(Retry("busy") if hand_over.attempt == 1 else Delivered())

    channel = Scripted(answer=first_time)
    async with opens(channel) as house, house.running():
        await join(house.world, "ada", "bob")
        message = await house.goal()
        await house.reaches(message, {State.RETRYING: 2})
        house.advance(60)
        assert await house.done(message) == {State.DELIVERED: 2}
        assert [call.attempt for call in channel.calls] == [1, 2]


async def test_the_budget_ends_in_a_dead_letter_that_can_be_replayed(opens: Opens) -> None:
    async def busy(_: HandOver) -> Outcomes:
        return Outcomes(Retry("busy"))

    channel = Scripted(answer=busy)
    async with opens(channel) as house, house.running():
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


async def test_a_channel_that_dies_leaves_one_dead_letter(opens: Opens) -> None:
    async def dies_on_bob(hand_over: HandOver) -> Outcomes:
        if any(person.subscriber_id == "bob" for person in hand_over.recipients):
            raise ChannelDied("signal 9")
        return Outcomes(Delivered())

    async with opens(Scripted(answer=dies_on_bob)) as house, house.running():
        await join(house.world, "ada", "bob", "cleo", "dan", "eve")
        message = await house.goal()
        assert await house.done(message) == {State.DELIVERED: 4, State.DEAD: 1}
        [dead] = [line for line in await logged(house.world) if line.state is State.DEAD]
        assert (dead.subscriber_id, dead.reason) == ("bob", Reason.POISON)
        assert await violations(house.world) == []


async def test_a_paused_channel_keeps_its_batches(opens: Opens) -> None:
    async with opens() as house:
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


async def test_cancelling_reaches_what_waits(opens: Opens) -> None:
    async def busy(_: HandOver) -> Outcomes:
        return Outcomes(Retry("busy", after_seconds=3_600))

    async with opens(Scripted(answer=busy)) as house, house.running():
        await join(house.world, "ada", "bob")
        message = await house.goal()
        await house.reaches(message, {State.RETRYING: 2})
        found = await house.messages.cancel(message)
        assert found.cancelled_at == house.clock.now()
        assert await house.done(message) == {State.CANCELLED: 2}


async def test_a_large_replay_ends_though_the_channel_refuses_again(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "REPLAY_STEP", 1)

    async def refuses(_: HandOver) -> Outcomes:
        return Outcomes(Refused("no"))

    channel = Scripted(per_recipient=False, answer=refuses)
    async with opens(channel) as house, house.running():
        await join(house.world, *(f"p{n}" for n in range(5)))
        message = await house.goal()
        assert await house.done(message) == {State.DEAD: 5}
        assert await house.replay.all(DeliveryFilter(), None) == 5
        assert await house.done(message) == {State.DEAD: 5}


async def test_what_the_queue_lost_is_the_leaders_to_offer(
    opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opens() as house:
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
