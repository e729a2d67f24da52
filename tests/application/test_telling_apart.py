"""One with whom a channel has trouble is told apart from the others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from notefly.application.doorbell import Doorbell
from notefly.application.stride import Stride
from notefly.domain.batch import NOBODY, Ending, Handed
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import Epoch, SubscriberKey
from notefly.domain.log import DeliveryFilter
from notefly.domain.outcome import Delivered, Outcomes, RetryPolicy, Verdict
from notefly.ports.channel import ChannelDied, HandOver
from tests.application.house import begun, deliver, house_with
from tests.support.channels import Scripted
from tests.support.story import claim, logged, states

AT = datetime(2026, 11, 22, tzinfo=UTC)
ONE, TWO = SubscriberKey(1), SubscriberKey(2)


def test_who_is_tried_again_is_told_apart_from_the_others() -> None:
    stride = Stride(seconds_each=1e-9)
    assert [stride.recipients(1_000, spent) for spent in range(1, 7)] == [1_000, 125, 15, 1, 1, 1]
    assert stride.recipients(5, 2) == 1


def test_while_nobody_is_taken_there_is_no_use_in_telling_them_apart() -> None:
    stride = Stride(seconds_each=1e-9)
    sizes = []
    for _ in range(32):
        sizes.append(stride.recipients(1_000, 8))
        stride.answered(taken=False)
    assert sizes == [1] * 8 + [8] * 8 + [64] * 8 + [512] * 8
    assert stride.recipients(1_000, 8) == 1_000
    stride.in_vain = 1_000_000
    assert stride.recipients(1_000, 8) == 1_000
    stride.answered(taken=True)
    assert stride.recipients(1_000, 8) == 1


async def test_one_whose_channel_raises_costs_the_others_nothing(tmp_path: Path) -> None:
    async def raises(hand_over: HandOver) -> Outcomes:
        if any(person.subscriber_id == "p50" for person in hand_over.recipients):
            raise RuntimeError("cannot handle p50")
        return Outcomes(Delivered())

    channel = Scripted(answer=raises)
    async with house_with(tmp_path, channel) as house:
        house.judge = replace(house.judge, policy=RetryPolicy(attempts=8))
        message, claimed = await begun(house.world, *(f"p{n}" for n in range(100)))
        one = deliver(house, channel)
        one.stride.seconds_each = 1e-9
        while True:
            refs = (await house.world.batches.finish([await one(claimed)])).refs
            if not refs:
                break
            house.clock.advance(601)
            [claimed] = await claim(house.world, *refs)
        assert await states(house.world, message) == {State.DELIVERED: 99, State.DEAD: 1}
        [dead] = await logged(house.world, DeliveryFilter(state=State.DEAD))
        assert (dead.reason, dead.detail) == (
            Reason.EXHAUSTED,
            "RuntimeError: cannot handle [redacted]",
        )


async def test_after_a_death_they_are_handed_over_one_by_one(tmp_path: Path) -> None:
    sizes: list[int] = []

    async def dies(hand_over: HandOver) -> Outcomes:
        sizes.append(hand_over.size)
        if any(person.subscriber_id == "c" for person in hand_over.recipients):
            raise ChannelDied("signal 9")
        keys = [person.subscriber for person in hand_over.recipients]
        return Outcomes(Delivered(), {key: Delivered(f"id {key}") for key in keys})

    channel = Scripted(answer=dies)
    async with house_with(tmp_path, channel) as house:
        message, claimed = await begun(house.world, *"abcdef")
        one = deliver(house, channel)
        one.stride.seconds_each = 1e-9
        [ref] = (await house.world.batches.finish([await one(claimed)])).refs
        [claimed] = await claim(house.world, ref)
        report = await one(claimed)
        assert (report.ending, [part.size for part in report.handed]) == (Ending.DIED, [2])
        refs = (await house.world.batches.finish([report])).refs
        for ref in refs:
            [claimed] = await claim(house.world, ref)
            await house.world.batches.finish([await one(claimed)])
        assert sizes == [6, 1, 1, 1, 1, 1, 1, 1]
        assert await states(house.world, message) == {State.DELIVERED: 5, State.DEAD: 1}
        details = {one.detail for one in await logged(house.world)}
        assert {"id 1", "id 2", "id 4"} < details


@pytest.mark.parametrize(
    ("change", "together"),
    [
        ({}, True),
        ({"epoch": Epoch(2)}, False),
        ({"started_at": AT + timedelta(seconds=1)}, False),
        ({"started_at": AT - timedelta(seconds=1)}, False),
        ({"exceptions": {}}, False),
        ({"exceptions": {TWO: Verdict(State.RETRYING, due_at=AT)}}, False),
        ({"default": Verdict(State.DEAD, Reason.REFUSED)}, True),
    ],
)
def test_hand_overs_are_recorded_as_one_where_that_says_the_same(
    change: dict[str, Any], together: bool
) -> None:
    done = Verdict(State.DELIVERED, detail="id")
    first = Handed(NOBODY, ONE, Epoch(1), AT, done, 1, {ONE: done})
    second = replace(Handed(ONE, TWO, Epoch(1), AT, done, 1, {TWO: done}), **change)
    both = first.joined(second, timedelta(seconds=1))
    assert (both is not None) == together
    if both is not None:
        assert (both.after, both.through, both.size) == (NOBODY, TWO, 2)
        assert both.exceptions == {**first.exceptions, **second.exceptions}


def test_a_channel_that_takes_nobody_is_asked_less_and_less_often() -> None:
    stride, rests = Stride(), []
    for _ in range(20):
        rests.append(stride.rest_seconds)
        stride.answered(taken=False)
    assert rests[:10] == [0.0] * 8 + [0.01, 0.02]
    assert rests[-1] == 1.0
    stride.answered(taken=True)
    assert stride.rest_seconds == 0.0


async def test_a_rest_comes_before_consent_and_not_when_the_broker_stops(tmp_path: Path) -> None:
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        _, claimed = await begun(house.world, "ada")
        for stopping, rests in ((False, 1), (True, 0)):
            one = deliver(house, channel, stopping=stopping)
            one.caller.bell = Rests()
            one.stride.in_vain = 1_000
            await one(claimed)
            assert one.caller.bell.seconds == [1.0] * rests


class Rests(Doorbell):
    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    @override
    async def wait(self, at_most_seconds: float | None = None) -> bool:
        self.seconds.append(at_most_seconds)
        return False


def test_hand_overs_that_are_recorded_as_one_keep_who_was_delivered_with_words() -> None:
    done = Verdict(State.DELIVERED)
    first = Handed(NOBODY, ONE, Epoch(1), AT, done, 1, {}, {ONE: "id-1"})
    second = Handed(ONE, TWO, Epoch(1), AT, done, 1, {TWO: done})
    both = first.joined(second, timedelta(seconds=1))
    assert both is not None
    assert (both.exceptions, both.delivered, both.named) == ({TWO: done}, {ONE: "id-1"}, 2)
