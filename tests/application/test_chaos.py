"""Channels that misbehave on purpose: the real machinery, with trouble to work on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from notefly.domain.chaos import AT_REST, Dials
from notefly.domain.delivery import State
from notefly.domain.errors import Conflict, Invalid
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import Channel, HandOver
from tests.application.house import House, house_with
from tests.support.channels import Scripted
from tests.support.story import join, logged
from tests.support.world import violations

FAILING, REFUSING = Dials(failure_rate=1.0), Dials(refusal_rate=1.0)


@dataclass
class Spoils:
    """Makes channels whose failures and refusals the dials decide, and remembers them."""

    made: dict[str, Scripted] = field(default_factory=dict)

    def __call__(self, channel: Channel, dials: Callable[[], Dials]) -> Channel:
        async def answer(hand_over: HandOver) -> Outcomes:
            outcome: Outcome = Delivered()
            if dials().failure_rate:
                outcome = Retry("busy")
            elif dials().refusal_rate:
                outcome = Refused("never")
            names = {one.subscriber_id: one.subscriber for one in hand_over.recipients}
            return Outcomes(Delivered(), {names["ada"]: outcome} if "ada" in names else {})

        spoiled = Scripted(channel.name, channel.address_kind, answer=answer)
        self.made[channel.name] = spoiled
        return spoiled


def in_log_mode() -> list[Scripted]:
    """Two that treat everybody alike, and share a lane."""
    return [
        Scripted("sms", "phone", per_recipient=False),
        Scripted("push", "push_token", per_recipient=False),
    ]


async def test_a_channel_misbehaves_for_some_and_then_no_more(tmp_path: Path) -> None:
    sms, push = in_log_mode()
    spoils = Spoils()
    async with house_with(tmp_path, sms, push) as house:
        house.chaos.spoils = spoils
        await join(house.world, "ada", "bob", channels="sms push")
        async with house.running():
            before = await house.goal()
            assert await house.done(before) == {State.DELIVERED: 4}
            assert spoils.made == {}
            house.chaos.turn({"sms": FAILING, "push": AT_REST})
            assert house.chaos.misbehaving == {"sms"}
            house.chaos.turn({"sms": REFUSING})
            during = await house.goal()
            assert await house.done(during) == {State.DELIVERED: 3, State.DEAD: 1}
            assert spoils.made["sms"].called == ["ada", "bob"]
            house.chaos.turn({})
            after = await house.goal()
            assert await house.done(after) == {State.DELIVERED: 4}
            [dead] = [line for line in await logged(house.world) if line.state is State.DEAD]
            await house.replay.one(dead.id, None)
            assert await house.done(during) == {State.DELIVERED: 4}
        assert spoils.made.keys() == {"sms"}
        assert spoils.made["sms"].called == ["ada", "bob"]
        assert (len(sms.calls), len(push.calls)) == (3, 3)
        assert await violations(house.world) == []


async def test_who_waits_is_tried_again_by_the_lane_that_is_open_then(tmp_path: Path) -> None:
    sms, push = in_log_mode()
    spoils = Spoils()
    async with house_with(tmp_path, sms, push) as house:
        house.chaos.spoils = spoils
        await join(house.world, "ada", "bob")
        house.chaos.turn({"sms": FAILING})
        async with house.running():
            message = await house.goal()
            await house.reaches(message, {State.RETRYING: 1, State.DELIVERED: 1})
            house.chaos.turn({})
            house.advance(60)
            assert await house.done(message) == {State.DELIVERED: 2}
        assert [call.size for call in sms.calls] == [1]
        assert await violations(house.world) == []


async def test_a_slow_one_holds_up_nobody_else(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(_: HandOver) -> Outcomes:
        await release.wait()
        return Outcomes(Delivered())

    async with house_with(tmp_path, *in_log_mode()) as house:
        house.chaos.spoils = lambda channel, _: Scripted(channel.name, "phone", answer=slow)
        await join(house.world, "ada", channels="sms push")
        house.chaos.turn({"sms": Dials(latency_seconds=5.0)})
        async with house.running():
            message = await house.goal()
            await house.reaches(message, {State.SENDING: 1, State.DELIVERED: 1})
            release.set()
            assert await house.done(message) == {State.DELIVERED: 2}


async def test_a_paused_channel_stays_paused(tmp_path: Path) -> None:
    sms, push = in_log_mode()
    spoils = Spoils()
    async with house_with(tmp_path, sms, push) as house:
        house.chaos.spoils = spoils
        await join(house.world, "bob", channels="sms push")
        house.chaos.turn({"sms": FAILING})
        await house.switch.pause("sms")
        async with house.running():
            message = await house.goal()
            await house.reaches(message, {State.PENDING: 1, State.DELIVERED: 1})
            await house.switch.resume("sms")
            assert await house.done(message) == {State.DELIVERED: 2}
        assert spoils.made["sms"].called == ["bob"]


async def test_it_is_refused_where_something_may_really_send(tmp_path: Path) -> None:
    async with house_with(tmp_path, *in_log_mode()) as house:
        house.chaos.obstacle = "not here"
        with pytest.raises(Conflict, match="not here"):
            house.chaos.turn({"sms": FAILING})
        assert house.chaos.misbehaving == frozenset()


async def test_what_cannot_be_is_said_at_its_place(house: House) -> None:
    with pytest.raises(Invalid) as refused:
        house.chaos.turn({"fax": FAILING, "sms": Dials(0.7, 0.7), "push": FAILING})
    assert [problem.pointer for problem in refused.value.problems] == [
        "/channels/fax",
        "/channels/sms/refusal_rate",
    ]
    assert house.chaos.dials("push") == AT_REST
