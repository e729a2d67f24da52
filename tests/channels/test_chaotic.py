"""Trouble around a channel in log mode: whom it meets, and who is spared."""

import time
from collections import Counter
from random import Random

import pytest

from notefly.adapters.channels.chaotic import (
    BUSY,
    REFUSED,
    SILENCE,
    TIMEOUT_SECONDS,
    ChaoticChannel,
    obstacle,
)
from notefly.adapters.channels.registry import close_channels, load_channels
from notefly.adapters.channels.sms import SmsChannel
from notefly.domain.chaos import AT_REST, Dials
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver
from tests.channels.builders import hand_over
from tests.support.channels import Scripted

HUNDRED = [f"+1202555{number:04}" for number in range(100)]


class Spoiled:
    """A channel in trouble, with the waits that it asked for."""

    def __init__(self, dials: Dials, seed: int = 1) -> None:
        self.waits: list[float] = []
        self.inner = Scripted(per_recipient=False)
        self.channel = ChaoticChannel(self.inner, lambda: dials, self._wait, Random(seed).random)

    async def answers(self, handed: HandOver) -> Counter[object]:
        outcomes = await self.channel.send(handed)
        assert isinstance(outcomes, Outcomes)
        return Counter(
            outcomes.exceptions.get(person.subscriber, outcomes.default)
            for person in handed.recipients
        )

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)


async def test_at_rest_it_is_the_channel_person_by_person() -> None:
    spoiled = Spoiled(AT_REST)
    assert await spoiled.answers(hand_over(HUNDRED)) == {Delivered(): 100}
    assert (spoiled.waits, [call.size for call in spoiled.inner.calls]) == ([], [100])
    assert spoiled.channel.per_recipient


async def test_shares_of_the_people_are_met_and_the_others_are_sent() -> None:
    spoiled = Spoiled(Dials(failure_rate=0.3, refusal_rate=0.2))
    met = await spoiled.answers(hand_over(HUNDRED))
    assert 20 <= met[BUSY] <= 40
    assert 10 <= met[REFUSED] <= 30
    assert met[Delivered()] == 100 - met[BUSY] - met[REFUSED]
    [sent] = spoiled.inner.calls
    assert sent.size == len(sent.recipients) == met[Delivered()]


async def test_when_all_are_met_the_channel_is_not_called() -> None:
    spoiled = Spoiled(Dials(failure_rate=1.0))
    assert await spoiled.answers(hand_over(HUNDRED)) == {BUSY: 100}
    assert spoiled.inner.calls == []


async def test_no_answer_is_for_everybody_in_the_call() -> None:
    spoiled = Spoiled(Dials(timeout_rate=1.0, latency_seconds=0.5))
    assert await spoiled.answers(hand_over(HUNDRED)) == {SILENCE: 100}
    assert spoiled.waits == [0.5, TIMEOUT_SECONDS]
    spoiled = Spoiled(Dials(timeout_rate=0.5))
    calls = [await spoiled.answers(hand_over(HUNDRED[:1])) for _ in range(100)]
    assert 35 <= sum(call[SILENCE] for call in calls) <= 65


@pytest.mark.parametrize(("names", "mine"), [(["sms", "pager", "email", "parrot"], {"sms"})])
async def test_only_log_mode_may_be_spoiled(names: list[str], mine: set[str]) -> None:
    channels = load_channels(names, monotonic=time.monotonic)
    said = obstacle(channels.values(), frozenset(mine))
    assert said.startswith("chaos is for log mode only, and pager, parrot may really send: ")
    await close_channels(channels.values())


def test_a_broker_that_delivers_nothing_has_nothing_to_spoil() -> None:
    assert "NOTEFLY_BROKER_DELIVERS=1" in obstacle([SmsChannel()], frozenset())
    assert obstacle([SmsChannel()], frozenset({"sms"})) == ""
