"""Delivering a claimed batch, and what is made of the answers."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from notefly.application.stride import HAND_OVER_SECONDS, Stride
from notefly.domain.batch import Ending
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.batch_store import Slice
from notefly.ports.channel import ChannelDied, HandOver
from tests.application.house import begun, delay_first_reading, deliver, house_with
from tests.support.channels import Answer, Scripted
from tests.support.story import claim, logged, plan, profile, publish, states

AT = datetime(2026, 11, 22, tzinfo=UTC)
ONE, TWO = SubscriberKey(1), SubscriberKey(2)


async def tried(folder: Path, answer: Answer, *names: str) -> tuple[Scripted, dict[State, int]]:
    """What one try on a channel that is called leads to."""
    channel = Scripted(answer=answer)
    async with house_with(folder, channel) as house:
        message, claimed = await begun(house.world, *names)
        report = await deliver(house, channel)(claimed)
        assert not (await house.world.batches.finish([report])).stale
        return channel, await states(house.world, message)


async def test_everybody_is_handed_over_with_their_address(tmp_path: Path) -> None:
    async def answer(hand_over: HandOver) -> Outcomes:
        assert (hand_over.attempt, hand_over.size, hand_over.channel) == (1, 2, "sms")
        assert [person.address for person in hand_over.recipients] == ["+1-ada", "+1-bob"]
        return Outcomes(Delivered("ok"))

    _, found = await tried(tmp_path, answer, "ada", "bob")
    assert found == {State.DELIVERED: 2}


async def test_answers_differ(tmp_path: Path) -> None:
    async def answer(hand_over: HandOver) -> Outcomes:
        a, b, _ = (person.subscriber for person in hand_over.recipients)
        others = {SubscriberKey(999): Refused("who is that?")}
        return Outcomes(Delivered(), {a: Refused("no"), b: Retry("busy"), **others})

    _, found = await tried(tmp_path, answer, *"abc")
    assert found == {State.DEAD: 1, State.RETRYING: 1, State.DELIVERED: 1}


async def test_the_same_answer_leads_to_the_same(tmp_path: Path) -> None:
    async def answer(hand_over: HandOver) -> Outcomes:
        a, b, c = (person.subscriber for person in hand_over.recipients)
        return Outcomes(Refused("?"), {a: Refused("no"), b: Refused("no"), c: Delivered()})

    _, found = await tried(tmp_path, answer, *"abc")
    assert found == {State.DEAD: 2, State.DELIVERED: 1}


async def test_when_all_are_named_alike_they_stay_together(tmp_path: Path) -> None:
    async def answer(hand_over: HandOver) -> Outcomes:
        return Outcomes(Refused("nobody"), {r.subscriber: Retry("x") for r in hand_over.recipients})

    channel = Scripted(answer=answer)
    async with house_with(tmp_path, channel) as house:
        _, claimed = await begun(house.world, *"abc")
        report = await deliver(house, channel)(claimed)
        [ref] = (await house.world.batches.finish([report])).refs
        assert (ref.batch, ref.size) == (claimed.batch, 3)


async def test_an_exception_a_time_out_and_what_is_no_answer_are_tried_again(
    tmp_path: Path,
) -> None:
    async def broken(_: HandOver) -> Outcomes:
        raise OSError("connection reset")

    async def silent(_: HandOver) -> Outcomes:
        await asyncio.Event().wait()
        raise AssertionError

    async def mistaken(_: HandOver) -> Outcomes:
        return cast("Outcomes", None)

    async def mistaken_inside(_: HandOver) -> Outcomes:
        return Outcomes(Delivered(), cast("dict[SubscriberKey, Delivered]", None))

    for n, answer in enumerate((broken, silent, mistaken, mistaken_inside)):
        folder = tmp_path / str(n)
        folder.mkdir()
        _, found = await tried(folder, answer, "ada", "bob")
        assert found == {State.RETRYING: 2}


async def test_a_time_out_says_so(tmp_path: Path) -> None:
    async def silent(_: HandOver) -> Outcomes:
        await asyncio.Event().wait()
        raise AssertionError

    channel = Scripted(answer=silent)
    async with house_with(tmp_path, channel) as house:
        _, claimed = await begun(house.world, "ada")
        report = await deliver(house, channel)(claimed)
        assert report.handed[0].default.detail == "no answer within 0.01 s"


async def test_a_channel_that_dies_leaves_what_was_done(tmp_path: Path) -> None:
    async def second_dies(hand_over: HandOver) -> Outcomes:
        if hand_over.recipients[0].subscriber_id == "b":
            raise ChannelDied("signal 9")
        return Outcomes(Delivered())

    channel = Scripted(answer=second_dies)
    async with house_with(tmp_path, channel) as house:
        message, claimed = await begun(house.world, *"abc")
        one = deliver(house, channel)
        one.stride.seconds_each = HAND_OVER_SECONDS
        report = await one(claimed)
        assert (report.ending, report.detail, len(report.handed)) == (Ending.DIED, "signal 9", 1)
        await house.world.batches.finish([report])
        assert await states(house.world, message) == {State.DELIVERED: 1, State.SENDING: 2}


async def test_who_has_no_address_is_refused_without_a_call(tmp_path: Path) -> None:
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        at = house.clock.now()
        nowhere = profile("bob")
        await house.world.subscribers.add(
            [profile("ada"), type(nowhere)(nowhere.id, "Bob", {}, nowhere.preferences)], at
        )
        message = await publish(house.world)
        [claimed] = await claim(house.world, *await plan(house.world))
        one = deliver(house, channel)
        await house.world.batches.finish([await one(claimed)])
        assert channel.called == ["ada"]
        assert await states(house.world, message) == {State.DELIVERED: 1, State.DEAD: 1}
        await house.world.subscribers.erase(profile("ada").id, at)
        message = await publish(house.world)
        [claimed] = await claim(house.world, *await plan(house.world))
        await house.world.batches.finish([await one(claimed)])
        assert channel.called == ["ada"]
        [dead] = [line for line in await logged(house.world) if line.message_id == message]
        assert (dead.reason, dead.detail) == (Reason.REFUSED, "there is no address")


async def test_whoever_leaves_between_two_hand_overs_is_not_called(tmp_path: Path) -> None:
    async def answer(_: HandOver) -> Outcomes:
        await house.world.subscribers.put(profile("b", "movies"), house.clock.now())
        return Outcomes(Delivered())

    channel = Scripted(answer=answer)
    async with house_with(tmp_path, channel) as house:
        message, claimed = await begun(house.world, *"abc")
        one = deliver(house, channel)
        one.stride.seconds_each = HAND_OVER_SECONDS
        await house.world.batches.finish([await one(claimed)])
        assert channel.called[:2] == ["a", "c"]
        assert await states(house.world, message) == {State.DELIVERED: 2, State.CANCELLED: 1}


async def test_choices_that_grew_old_while_they_were_read_are_read_again(tmp_path: Path) -> None:
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        message, claimed = await begun(house.world, *"abc")
        delay_first_reading(house, "a")
        report = await deliver(house, channel)(claimed)
        await house.world.batches.finish([report])
        assert [call.size for call in channel.calls] == [1, 1]
        assert await states(house.world, message) == {State.DELIVERED: 2, State.CANCELLED: 1}


async def test_a_store_that_always_reads_slowly_is_believed_in_the_end(tmp_path: Path) -> None:
    """One recipient at a time: there is nothing that could be read faster."""
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        message, claimed = await begun(house.world, "a")
        read = house.world.batches.hand_over

        async def read_slowly(*args: Any) -> Sequence[Slice]:
            house.clock.advance(1)
            return await read(*args)

        house.world.batches.hand_over = read_slowly  # type: ignore[assignment,method-assign]
        await house.world.batches.finish([await deliver(house, channel)(claimed)])
        assert await states(house.world, message) == {State.DELIVERED: 1}


async def test_a_stop_and_a_cancel_give_the_rest_back(tmp_path: Path) -> None:
    async def cancels(_: HandOver) -> Outcomes:
        await house.world.messages.cancel(message, house.clock.now())
        return Outcomes(Delivered())

    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        message, claimed = await begun(house.world, *"abc")
        one = deliver(house, channel, stopping=True)
        one.stride.seconds_each = HAND_OVER_SECONDS
        report = await one(claimed)
        assert (report.ending, len(report.handed)) == (Ending.RELEASED, 1)
        [ref] = (await house.world.batches.finish([report])).refs
        channel.answer = cancels
        one = deliver(house, channel)
        one.stride.seconds_each = HAND_OVER_SECONDS
        report = await one((await claim(house.world, ref))[0])
        assert (report.ending, len(report.handed)) == (Ending.RELEASED, 1)
        [ref] = (await house.world.batches.finish([report])).refs
        assert await claim(house.world, ref) == []
        assert await states(house.world, message) == {State.DELIVERED: 2, State.CANCELLED: 1}


def test_a_stride_follows_what_was_measured() -> None:
    stride = Stride()
    assert (stride.recipients(1_000, 1), stride.recipients(2, 1)) == (4, 2)
    stride.measured(4, 0.0)
    assert stride.recipients(1_000, 1) == 32
    stride.measured(10, 10.0)
    assert stride.recipients(1_000, 1) == 1
    for _ in range(50):
        stride.measured(1_000, 0.0)
    assert stride.recipients(1_000, 1) == 1_000
