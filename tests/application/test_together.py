"""Small batches on a channel that is called are delivered together, as each would be alone."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from typing_extensions import override

from notefly.application.deliver import FRESH_SECONDS, READ_TOGETHER, RECORD_SECONDS, DeliverBatch
from notefly.application.lanes import PUMPS
from notefly.application.stride import Stride
from notefly.domain.batch import Claim, Ending, Report
from notefly.domain.delivery import State
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey, MessageId
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.batch_store import Claims, Finished, Slice
from notefly.ports.channel import Answers, ChannelDied, HandOver
from tests.application.house import House, deliver, house_with
from tests.support.channels import Scripted
from tests.support.story import claim, join, plan, profile, publish, states


async def several(house: House, messages: int, *names: str) -> tuple[list[MessageId], list[Claim]]:
    await join(house.world, *names)
    ids = [await publish(house.world) for _ in range(messages)]
    return ids, await claim(house.world, *await plan(house.world))


def ready(house: House, channel: Scripted) -> DeliverBatch:
    """It is known that this channel is quick."""
    one = deliver(house, channel)
    one.stride.seconds_each = 1e-4
    return one


def count_readings(house: House) -> list[int]:
    """Of how many batches each reading was."""
    counted: list[int] = []
    read = house.world.batches.hand_over

    async def counting(claims: Sequence[Claim], *rest: Any) -> Sequence[Slice]:
        counted.append(len(claims))
        return await read(claims, *rest)

    house.world.batches.hand_over = counting  # type: ignore[method-assign,assignment]
    return counted


def endings(reports: Sequence[Report]) -> list[str]:
    return [report.ending.value for report in reports]


def test_so_much_is_claimed_together_as_takes_no_time_and_one_batch_after_trouble() -> None:
    stride = Stride()
    assert stride.together == 1
    stride.seconds_each = 1e-4
    assert stride.together == 100
    stride.answered(taken=False)
    assert stride.together == 1
    stride.answered(taken=True)
    stride.died = True
    assert stride.together == 1
    stride.answered(taken=True)
    assert stride.together == 100


async def test_consent_of_small_batches_is_read_once_and_each_has_its_call(tmp_path: Path) -> None:
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        messages, claims = await several(house, 3, *"ab")
        one, counted = ready(house, channel), count_readings(house)
        assert one.rows == 100
        await house.world.batches.finish(await one.group(claims))
        assert (counted, [call.size for call in channel.calls]) == ([3], [2, 2, 2])
        for message in messages:
            assert await states(house.world, message) == {State.DELIVERED: 2}


class AtOnce(Scripted):
    """Takes several; answers the first so many, a second each, and then has this trouble."""

    def __init__(self, answers: int, error: ChannelDied | TimeoutError | None = None) -> None:
        super().__init__()
        self.answers, self.error = answers, error
        self.begin_within: list[float] = []

    async def send_all(
        self, hand_overs: Sequence[HandOver], begin_within: float, answer_within: float
    ) -> Answers:
        self.begin_within.append(begin_within)
        outcomes = [await self.send(each) for each in hand_overs[: self.answers]]
        return Answers(outcomes, [1.0 + n for n in range(len(outcomes))], self.error)


async def test_a_channel_that_takes_several_gets_them_in_one_go(tmp_path: Path) -> None:
    channel = AtOnce(9)
    async with house_with(tmp_path, channel) as house:
        messages, claims = await several(house, 3, *"ab")
        one = ready(house, channel)
        reports = await one.group(claims)
        assert (channel.begin_within, len(channel.calls)) == ([FRESH_SECONDS], 3)
        begun, second = house.clock.now(), timedelta(seconds=1)
        times = [(report.handed[0].started_at, report.ended_at) for report in reports]
        assert times == [(begun + n * second, begun + (n + 1) * second) for n in range(3)]
        await house.world.batches.finish(reports)
        assert await states(house.world, messages[2]) == {State.DELIVERED: 2}
        assert one.stride.together > 1


@pytest.mark.parametrize(
    ("error", "ending"),
    [(ChannelDied("signal 9"), "died"), (TimeoutError(), "finished"), (None, "finished")],
)
async def test_what_was_not_answered_of_several_is_met_alone(
    tmp_path: Path, error: ChannelDied | TimeoutError | None, ending: str
) -> None:
    channel = AtOnce(1, error)
    async with house_with(tmp_path, channel) as house:
        messages, claims = await several(house, 3, *"ab")
        reports = await ready(house, channel).group(claims)
        assert endings(reports) == ["finished", ending, "finished"]
        assert len(channel.calls) == (2 if error else 3)
        await house.world.batches.finish(reports)
        waits = {State.RETRYING: 2} if isinstance(error, TimeoutError) else {State.DELIVERED: 2}
        if ending == "finished":
            assert await states(house.world, messages[1]) == waits


async def test_where_nothing_can_begin_nothing_is_learnt(tmp_path: Path) -> None:
    channel = AtOnce(0)
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, 2, *"ab")
        one = ready(house, channel)
        hand_overs = [HandOver(claim.message, claim.channel, 1, 2, ()) for claim in claims]
        assert await one.caller.several(hand_overs, 1.0) == []
        assert (one.stride.seconds_each, one.stride.troubled) == (1e-4, False)
        assert endings(await one.group(claims)) == ["finished", "finished"]
        assert len(channel.calls) == 2


async def test_none_go_together_after_trouble_or_when_what_was_read_is_old(tmp_path: Path) -> None:
    channel = AtOnce(9)
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, 2, *"ab")
        one = ready(house, channel)
        hand_over = HandOver(claims[0].message, claims[0].channel, 1, 2, ())
        assert await one.caller.several([hand_over], 0.0) == []
        one.stride.answered(taken=False)
        assert endings(await one.group(claims)) == ["finished", "finished"]
        assert (channel.begin_within, len(channel.calls)) == ([], 2)


async def test_a_mistake_in_a_later_part_leaves_what_was_answered_before(tmp_path: Path) -> None:
    class Mistaken(AtOnce):
        @override
        async def send_all(
            self, hand_overs: Sequence[HandOver], begin_within: float, answer_within: float
        ) -> Answers:
            if self.begin_within:
                raise MemoryError
            return await super().send_all(hand_overs, begin_within, answer_within)

    channel = Mistaken(READ_TOGETHER)
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, READ_TOGETHER + 1, "a")
        assert endings(await ready(house, channel).group(claims)) == ["finished"] * len(claims)
        assert len(channel.calls) == len(claims)


async def test_whoever_left_is_not_called_once_what_was_read_is_old(tmp_path: Path) -> None:
    async def answer(_: HandOver) -> Outcomes:
        if len(channel.calls) == 1:
            await house.world.subscribers.put(profile("b", "movies"), house.clock.now())
            house.clock.advance(FRESH_SECONDS)
        return Outcomes(Delivered())

    channel = Scripted(answer=answer)
    async with house_with(tmp_path, channel) as house:
        messages, claims = await several(house, 3, *"ab")
        await house.world.batches.finish(await ready(house, channel).group(claims))
        assert channel.called == ["a", "b", "a", "a"]
        assert await states(house.world, messages[2]) == {State.DELIVERED: 1, State.CANCELLED: 1}


async def test_a_death_is_held_against_the_one_batch_that_was_called(tmp_path: Path) -> None:
    async def answer(_: HandOver) -> Outcomes:
        if len(channel.calls) == 2:
            raise ChannelDied("signal 9")
        return Outcomes(Delivered())

    channel = Scripted(answer=answer)
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, 4, *"ab")
        one, counted = ready(house, channel), count_readings(house)
        reports = await one.group(claims)
        assert [report.claim for report in reports] == claims
        assert endings(reports) == ["finished", "died", "finished", "finished"]
        assert (counted, len(channel.calls)) == ([4, 1, 1], 4)


async def test_what_was_tried_before_is_read_by_itself_and_what_is_large_in_parts(
    tmp_path: Path,
) -> None:
    answers = [Outcomes(Retry("busy")), Outcomes(Refused("no"))]

    async def answer(_: HandOver) -> Outcomes:
        return answers.pop(0) if answers else Outcomes(Delivered())

    channel = Scripted(answer=answer, batch_size=2)
    async with house_with(tmp_path, channel) as house:
        messages, claims = await several(house, 1, *"abc")
        one = ready(house, channel)
        [ref] = (await house.world.batches.finish(await one.group(claims))).refs
        house.clock.advance(3_600)
        messages += [await publish(house.world) for _ in range(2)]
        claims = await claim(house.world, ref, *await plan(house.world))
        counted = count_readings(house)
        reports = await one.group(claims)
        assert {report.ending for report in reports} == {Ending.FINISHED}
        assert counted[0] == 2
        await house.world.batches.finish(reports)
        assert await states(house.world, messages[2]) == {State.DELIVERED: 3}


async def test_a_stop_and_a_long_delay_give_back_what_was_not_begun(tmp_path: Path) -> None:
    async def answer(_: HandOver) -> Outcomes:
        house.clock.advance(RECORD_SECONDS + 1)
        return Outcomes(Delivered())

    channel = Scripted(answer=answer)
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, 3, *"ab")
        reports = await ready(house, channel).group(claims)
        assert endings(reports) == ["finished", "released", "released"]
        refs = (await house.world.batches.finish(reports)).refs
        claims = await claim(house.world, *refs)
        one = deliver(house, channel, stopping=True)
        one.stride.seconds_each = 1e-4
        assert endings(await one.group(claims)) == ["finished", "released"]


async def test_a_bug_in_one_of_them_does_not_undo_the_others(tmp_path: Path) -> None:
    async def answer(_: HandOver) -> Outcomes:
        odd = len(channel.calls) == 2
        return Outcomes(cast("Delivered", None) if odd else Delivered())

    channel = Scripted(answer=answer)
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, 3, *"ab")
        reports = await ready(house, channel).group(claims)
        assert endings(reports) == ["finished", "died", "finished"]
        assert len(channel.calls) == 3


async def test_a_channel_that_cannot_be_prepared_is_met_by_each_alone(tmp_path: Path) -> None:
    class Unready(Scripted):
        troubles = 1

        async def prepare(self) -> None:
            self.troubles -= 1
            if self.troubles >= 0:
                raise KeyError("a bug")

    async with house_with(tmp_path, channel := Unready()) as house:
        _, claims = await several(house, 3, *"ab")
        assert endings(await ready(house, channel).group(claims)) == ["finished"] * 3


async def test_many_are_read_in_parts_so_that_what_was_read_stays_fresh(tmp_path: Path) -> None:
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, READ_TOGETHER + 2, "a")
        one, counted = ready(house, channel), count_readings(house)
        assert endings(await one.group(claims)) == ["finished"] * len(claims)
        assert counted == [READ_TOGETHER, 2]


async def test_trouble_in_reading_is_met_by_each_alone(tmp_path: Path) -> None:
    troubles: list[Exception] = [Unavailable("busy"), KeyError("a bug"), Unavailable("still busy")]
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        _, claims = await several(house, 3, *"ab")
        read = house.world.batches.hand_over

        async def troubled(*args: Any) -> Sequence[Slice]:
            if troubles:
                raise troubles.pop(0)
            return await read(*args)

        house.world.batches.hand_over = troubled  # type: ignore[method-assign,assignment]
        reports = await ready(house, channel).group(claims)
        assert endings(reports) == ["died", "released", "finished"]
        assert reports[0].detail == "KeyError: 'a bug'"
        assert len(channel.calls) == 1


async def test_what_a_process_died_on_is_held_alone_so_that_another_death_is_not_everybodys(
    tmp_path: Path,
) -> None:
    channel = Scripted(per_recipient=False)
    async with house_with(tmp_path, channel) as house:
        messages, _ = await several(house, 20, *"ab")
        house.advance(3_600)
        assert len(await house.world.batches.take_over(house.clock.now())) == 20
        held: set[BatchKey] = set()
        together: list[int] = []
        claim_them, finish = house.world.batches.claim, house.world.batches.finish

        async def claiming(*asked: Any) -> Claims:
            claimed = await claim_them(*asked)
            held.update(one.batch for one in claimed.claims if one.deaths)
            return claimed

        async def finishing(reports: Sequence[Report]) -> Finished:
            finished = await finish(reports)
            if any(report.handed for report in reports):
                together.append(len(held))
            held.difference_update(report.claim.batch for report in reports)
            return finished

        house.world.batches.claim = claiming  # type: ignore[method-assign,assignment]
        house.world.batches.finish = finishing  # type: ignore[method-assign]
        async with house.running():
            messages.append(await house.goal())
            for message in messages:
                assert await house.done(message, 0.01) == {State.DELIVERED: 2}
        # Each pump records one while it has claimed the next.
        assert max(together) <= 2 * PUMPS
