import logging
import os
import sys

import pytest
from notefly_test_channels.misbehaving import FlakyChannel

from notefly.adapters.channels.ear import HEARD_LIMIT
from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.channels.process import Limits
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from tests.channels import specimens
from tests.channels.builders import ACCEPTED_AT, hand_over, message, recipient
from tests.channels.hosting import Host, Starts, StoppedClock, process_of


async def test_outcomes_cross_as_they_are(host: Host) -> None:
    outcomes = await host(specimens.Mixed).send(hand_over(["a", "b", "c"], "Goal! \u26bd\n\x07"))
    one, two, three = (outcomes.exceptions[r.subscriber] for r in hand_over("abc").recipients)
    assert outcomes.default == Refused(f"{ACCEPTED_AT.isoformat()} None Goal! \u26bd\n\x07")
    assert one == Delivered()
    assert two == Retry("Ada Lovelace \ud800", 1.5)
    assert three == Refused("x" * 500)


async def test_a_full_hand_over(host: Host) -> None:
    handed = hand_over(["x" * 4_096] * 1_000, "x" * 4_096)
    assert isinstance((await host(specimens.Plain).send(handed)).default, Delivered)


async def test_one_process_serves_many_hand_overs_and_is_not_this_one(host: Host) -> None:
    channel = host(specimens.Plain)
    processes = {await process_of(channel) for _ in range(3)}
    assert len(processes) == 1
    assert os.getpid() not in processes


async def test_a_process_is_always_handed_people(host: Host) -> None:
    channel = host(specimens.Silent)
    assert channel.per_recipient
    await channel.prepare()
    assert await process_of(channel)


async def test_the_answers_of_a_provider(host: Host) -> None:
    outcomes = await host(FlakyChannel).send(hand_over(["ok", "retry-1", "refuse-2", "later"]))
    assert outcomes.default == Delivered()
    assert list(outcomes.exceptions.values()) == [
        Retry("the provider is busy"),
        Refused("the provider does not know this box"),
        Retry("the provider asks for patience", 3600.0),
    ]


async def test_an_exception_is_a_retry_for_everybody_and_no_death(host: Host) -> None:
    channel = host(FlakyChannel)
    outcomes = await channel.send(hand_over(["ok", "raise"]))
    assert outcomes == Outcomes(Retry("RuntimeError: the provider's library has a bug"))
    assert await channel.send(hand_over(["ok"])) == Outcomes(Delivered())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("nothing", "TypeError: send must return Outcomes, not NoneType"),
        ("word", "TypeError: 'delivered' is not Delivered"),
        ("number", "TypeError: Delivered(detail=7) is not"),
        ("infinite", "ValueError: Out of range"),
        ("stranger", "ValueError: send answered for 1 who are not"),
        ("cancelled", "asyncio.exceptions.CancelledError"),
        ("unprintable", "tests.channels.specimens.UnprintableError"),
    ],
)
async def test_a_mistaken_answer_is_a_retry_for_everybody(host: Host, body: str, says: str) -> None:
    outcomes = await host(specimens.Mistaken).send(hand_over(["a"], body))
    assert isinstance(outcomes.default, Retry)
    assert outcomes.default.detail.startswith(says)
    assert not outcomes.exceptions


async def test_what_a_channel_prints_is_bounded_and_not_its_answer(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    channel = host(specimens.Talkative)
    assert await process_of(channel) == await process_of(channel)
    await channel.close()
    heard = [len(record.getMessage()) for record in caplog.records if record.levelname == "INFO"]
    assert heard
    assert sum(heard) <= 2 * HEARD_LIMIT
    assert "which were dropped" in caplog.text


async def test_a_process_that_cannot_make_its_channel_is_tried_again_later(
    host: Host, clock: StoppedClock, starts: Starts
) -> None:
    channel = host(specimens.Unmakable, Limits(pause_seconds=2, pause_cap_seconds=5))
    starts.forbid()
    why = (
        "its class cannot be used in a process of its own: "
        "RuntimeError: there is no licence on this machine"
    )
    pauses = []
    for pause in [2.0, 4.0, 5.0]:
        pauses.append(await channel.send(hand_over(["someone"])))
        clock.now += pause - 0.5
        assert await channel.send(hand_over(["someone"])) == Outcomes(Retry(why, 0.5))
        clock.now += 0.5
    assert pauses == [Outcomes(Retry(why, pause)) for pause in (2.0, 4.0, 5.0)]
    assert starts.count() == 3


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (specimens.ExitsAtStart, "ended without an answer (exit status 4) at its start"),
        (specimens.HangsAtStart, "gave no answer within 0.3 s (killed by SIGKILL) at its start"),
    ],
)
async def test_a_process_that_does_not_start_is_no_death(
    host: Host, kind: type[specimens.Plain], says: str, starts: Starts
) -> None:
    channel = host(kind, Limits(start_seconds=0.3 if "0.3" in says else 30.0))
    starts.forbid()
    outcomes = await channel.send(hand_over(["someone"]))
    assert isinstance(outcomes.default, Retry)
    assert says in outcomes.default.detail


async def test_a_class_that_is_gone_is_no_death(clock: StoppedClock) -> None:
    channel = SupervisedChannel(specimens.Plain(), "no_such_package:Channel", monotonic=clock)
    outcomes = await channel.send(hand_over(["someone"]))
    assert isinstance(outcomes.default, Retry)
    assert "No module named 'no_such_package'" in outcomes.default.detail


async def test_a_machine_that_starts_no_process(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    outcomes = await host(specimens.Plain).send(hand_over(["someone"]))
    assert isinstance(outcomes.default, Retry)
    assert outcomes.default.detail.startswith("its process cannot be started")


async def test_mistakes_of_the_pure_methods_stay_here(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    channel = host(specimens.Faulty)
    with pytest.raises(ValueError, match=r"could not be checked: .* raised KeyError"):
        channel.normalise("secret")
    assert channel.check(message("secret").content) == {
        "body": "could not be checked: channel plain raised RuntimeError"
    }
    rendering = channel.render(message(), recipient("secret"))
    assert rendering.text == "not rendered: channel plain raised TypeError"
    assert "specimens.py" in caplog.text
    assert "secret" not in caplog.text


async def test_pure_methods_that_give_nothing_back(host: Host) -> None:
    channel = host(specimens.Vague)
    with pytest.raises(ValueError, match="gave no text back"):
        channel.normalise("anything")
    assert "TypeError" in channel.check(message().content)["body"]
