"""Delivering on a channel that treats everybody alike: groups of batches, nobody is read."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from notefly.application.alike import DeliverAlike
from notefly.application.moment import MOMENT_SECONDS, Moment
from notefly.domain.batch import Claim, Ending, Report
from notefly.domain.delivery import State
from notefly.domain.ids import MessageId
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import ChannelDied, HandOver
from tests.application.house import House, delay_first_reading, house_with
from tests.support.channels import Scripted
from tests.support.story import claim, join, plan, profile, publish, states
from tests.support.time import VirtualClock
from tests.support.world import World


async def begun(world: World, *names: str, size: int = 1_000) -> tuple[MessageId, list[Claim]]:
    await join(world, *names)
    message = await publish(world)
    return message, await claim(world, *await plan(world, size))


async def deliver(house: House, claims: Sequence[Claim]) -> Sequence[Report]:
    channel = house.channels["sms"]
    clock = Moment(house.clock)
    one = DeliverAlike(channel, house.world.batches, house.judge, clock, 0.01)
    reports = await one.group(claims)
    assert [report.claim for report in reports] == list(claims)
    return reports


async def test_one_answer_for_all_and_one_call_a_batch(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, *"abcde", size=2)
        await house.world.batches.finish(await deliver(house, claims))
        assert [(call.size, call.recipients) for call in channel.calls] == [
            (2, ()),
            (2, ()),
            (1, ()),
        ]
        assert await states(house.world, message) == {State.DELIVERED: 5}


async def test_every_kind_of_answer(tmp_path: Path) -> None:
    answers: dict[int, Outcome] = {1: Delivered("id 7"), 2: Retry("busy"), 3: Refused("no")}

    async def answer(hand_over: HandOver) -> Outcomes:
        return Outcomes(answers[len(channel.calls)])

    channel = Scripted(per_recipient=False, answer=answer)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, *"abc", size=1)
        reports = await deliver(house, claims)
        await house.world.batches.finish(reports)
        assert [report.handed[0].default.detail for report in reports] == ["id 7", "busy", "no"]
        assert await states(house.world, message) == {
            State.DELIVERED: 1,
            State.RETRYING: 1,
            State.DEAD: 1,
        }


@pytest.mark.parametrize("error", [OSError("reset"), TimeoutError("its own")])
async def test_an_exception_is_tried_again_and_harms_no_other(
    tmp_path: Path, error: Exception
) -> None:
    async def answer(_: HandOver) -> Outcomes:
        if len(channel.calls) == 1:
            raise error
        return Outcomes(Delivered())

    channel = Scripted(per_recipient=False, answer=answer)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, *"abc", size=1)
        reports = await deliver(house, claims)
        await house.world.batches.finish(reports)
        assert str(error) in str(reports[0].handed[0].default.detail)
        assert await states(house.world, message) == {State.DELIVERED: 2, State.RETRYING: 1}


async def test_a_death_is_no_answer(tmp_path: Path) -> None:
    async def dies(_: HandOver) -> Outcomes:
        raise ChannelDied("signal 9")

    async with house_with(tmp_path, Scripted(per_recipient=False, answer=dies)) as house:
        message, claims = await begun(house.world, *"abc")
        [report] = await deliver(house, claims)
        assert (report.ending, report.detail, list(report.handed)) == (Ending.DIED, "signal 9", [])
        await house.world.batches.finish([report])
        assert await states(house.world, message) == {State.SENDING: 3}


async def test_who_was_not_called_by_the_deadline_goes_back(tmp_path: Path) -> None:
    async def second_hangs(_: HandOver) -> Outcomes:
        if len(channel.calls) == 2:
            await asyncio.Event().wait()
        return Outcomes(Delivered())

    channel = Scripted(per_recipient=False, answer=second_hangs)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, *"abc", size=1)
        reports = await deliver(house, claims)
        assert [report.ending for report in reports] == [
            Ending.FINISHED,
            Ending.FINISHED,
            Ending.RELEASED,
        ]
        assert reports[1].handed[0].default.detail == "no answer within 0.01 s"
        refs = (await house.world.batches.finish(reports)).refs
        assert await states(house.world, message) == {
            State.DELIVERED: 1,
            State.RETRYING: 1,
            State.SENDING: 1,
        }
        house.clock.advance(60)
        assert sorted(again.spent for again in await claim(house.world, *refs)) == [1, 2]


async def test_the_claim_says_who_is_in_it_for_half_a_second(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, *"abc")
        await house.world.subscribers.put(profile("a", "movies"), house.clock.now())
        house.clock.advance(0.4)
        [fresh] = await deliver(house, claims)
        assert fresh.handed[0].epoch == claims[0].epoch
        house.clock.advance(0.2)
        [late] = await deliver(house, claims)
        assert late.handed[0].epoch > claims[0].epoch
        await house.world.batches.finish([late])
        assert await states(house.world, message) == {State.DELIVERED: 2, State.CANCELLED: 1}


async def test_a_call_began_before_it_was_answered(tmp_path: Path) -> None:
    async def slow(_: HandOver) -> Outcomes:
        house.clock.advance(5)
        return Outcomes(Delivered())

    async with house_with(tmp_path, Scripted(per_recipient=False, answer=slow)) as house:
        _, claims = await begun(house.world, "a")
        at = house.clock.now()
        [report] = await deliver(house, claims)
        assert report.handed[0].started_at == at
        assert report.ended_at == house.clock.now() > at


async def test_choices_that_grew_old_while_they_were_read_are_read_again(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, *"abc")
        house.clock.advance(1)
        delay_first_reading(house, "a")
        reports = await deliver(house, claims)
        await house.world.batches.finish(reports)
        assert await states(house.world, message) == {State.DELIVERED: 2, State.CANCELLED: 1}


async def test_whoever_was_not_called_when_patience_ended_was_not_tried(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False)
    async with house_with(tmp_path, channel) as house:
        _, claims = await begun(house.world, *"ab", size=1)
        house.clock.advance(1)

        async def never(*_: object) -> None:
            await asyncio.Event().wait()

        house.world.batches.hand_over = never  # type: ignore[method-assign,assignment]
        reports = await deliver(house, claims)
        assert [report.ending for report in reports] == [Ending.RELEASED] * 2
        assert channel.calls == []


async def test_what_was_cancelled_meanwhile_goes_back(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False)
    async with house_with(tmp_path, channel) as house:
        message, claims = await begun(house.world, "a")
        await house.world.messages.cancel(message, house.clock.now())
        house.clock.advance(1)
        [stopped] = await deliver(house, claims)
        assert (stopped.ending, list(stopped.handed)) == (Ending.RELEASED, [])
        assert channel.calls == []
        [ref] = (await house.world.batches.finish([stopped])).refs
        assert await claim(house.world, ref) == []
        assert await states(house.world, message) == {State.CANCELLED: 1}


def test_a_moment_lasts_a_millisecond() -> None:
    clock = VirtualClock()
    still = Moment(clock)
    began = still.now()
    clock.advance(MOMENT_SECONDS / 2)
    assert still.now() == began
    clock.advance(MOMENT_SECONDS)
    assert still.now() == clock.now()
    assert still.monotonic() == clock.monotonic()
