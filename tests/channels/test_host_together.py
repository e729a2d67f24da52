"""Several hand-overs in one go, to a channel in a process of its own."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from notefly_test_channels.misbehaving import ExitingChannel, FlakyChannel, HangingChannel

from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.channels.process import ChildProcess
from notefly.domain.outcome import Delivered, Outcomes, Retry
from notefly.ports.channel import Answers, ChannelDied
from tests.channels import specimens
from tests.channels.builders import hand_over
from tests.channels.hosting import Host, Starts, process_of

LONG = 20.0


async def sent(channel: SupervisedChannel, *words: str, begin_within: float = LONG) -> Answers:
    """One hand-over for each."""
    return await channel.send_all([hand_over([word]) for word in words], begin_within, LONG)


def delivered(answers: Answers) -> Sequence[bool]:
    return [isinstance(one.default, Delivered) for one in answers.outcomes]


async def test_each_has_its_answer_in_one_process_and_its_time(host: Host) -> None:
    channel = host(FlakyChannel)
    answers = await sent(channel, "ok", "refuse-1", "ok")
    assert [answer.default for answer in answers.outcomes] == [Delivered()] * 3
    assert 0 < answers.seconds[0] < answers.seconds[1] < answers.seconds[2] < LONG
    assert answers.error is None


async def test_none_is_begun_behind_one_of_which_nobody_was_taken(host: Host) -> None:
    channel = host(FlakyChannel)
    bug = Outcomes(Retry("RuntimeError: the provider's library has a bug"))
    answers = await sent(channel, "ok", "raise", "ok")
    assert (answers.outcomes, answers.error) == ([Outcomes(Delivered()), bug], None)
    assert delivered(await sent(channel, "ok", "ok")) == [True, True]


async def test_a_death_is_about_the_first_without_an_answer_and_none_behind_it_begun(
    host: Host,
) -> None:
    channel = host(ExitingChannel)
    answers = await sent(channel, "ok", "ok", "exit", "ok")
    assert delivered(answers) == [True, True]
    assert isinstance(answers.error, ChannelDied)
    assert "exit status 3" in str(answers.error)
    assert delivered(await sent(channel, "ok", "ok")) == [True, True]


async def test_a_call_that_hangs_is_ended_and_those_before_it_keep_their_answers(
    host: Host,
) -> None:
    channel = host(HangingChannel)
    hand_overs = [hand_over([word]) for word in ("ok", "hang", "ok")]
    answers = await channel.send_all(hand_overs, LONG, 0.3)
    assert delivered(answers) == [True]
    assert isinstance(answers.error, TimeoutError)
    assert delivered(await sent(channel, "ok")) == [True]


async def test_nobody_is_called_whose_consent_is_too_old_to_begin(host: Host) -> None:
    channel = host(specimens.Plain)
    process = await process_of(channel)
    assert await sent(channel, "a", "b", begin_within=-1.0) == Answers([], [])
    assert await process_of(channel) == process


async def test_those_behind_a_slow_one_are_not_begun_when_the_time_is_over(host: Host) -> None:
    channel = host(specimens.Slow)
    await channel.prepare()
    answers = await sent(channel, "a", "b", begin_within=specimens.Slow.SECONDS / 2)
    assert delivered(answers) == [True]
    assert delivered(await sent(channel, "a")) == [True]


async def test_the_time_goes_on_while_a_process_is_started(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, within = ChildProcess.start, 0.2

    async def late(*args: Any) -> ChildProcess:
        child = await start(*args)
        over = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < over:  # noqa: ASYNC110 - time has to pass
            await asyncio.sleep(within / 4)
        return child

    monkeypatch.setattr(ChildProcess, "start", late)
    assert await sent(host(specimens.Plain), "a", "b", begin_within=within) == Answers([], [])


async def test_who_is_cancelled_in_the_midst_leaves_no_answer_behind(host: Host) -> None:
    channel = host(specimens.Slow)
    process = await process_of(channel)
    asked = asyncio.create_task(sent(channel, "a", "b", "c"))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await process_of(channel) != process


async def test_no_answers_where_no_process_can_be_started(host: Host, starts: Starts) -> None:
    channel = host(specimens.ExitsAtStart)
    starts.forbid()
    assert await sent(channel, "a", "b") == Answers([], [])
