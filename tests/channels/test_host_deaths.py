import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from notefly_test_channels.misbehaving import ExitingChannel, HangingChannel, HungryChannel

from notefly.adapters.channels.process import ChildProcess, Limits
from notefly.domain.outcome import Delivered, Outcomes, Retry
from notefly.ports.channel import ChannelDied
from tests.channels import specimens
from tests.channels.builders import hand_over
from tests.channels.hosting import Host, Line, Starts, StoppedClock, alive, process_of

ROOT = Path(__file__).parents[2]
SOON = Limits(hand_over_seconds=0.3)


async def test_a_channel_that_exits(host: Host) -> None:
    channel = host(ExitingChannel)
    with pytest.raises(ChannelDied, match=r"exiting: .* ended without an answer \(exit status 3\)"):
        await channel.send(hand_over(["ok", "exit"]))
    assert await channel.send(hand_over(["ok"])) == Outcomes(Delivered())


@pytest.mark.parametrize("how", ["hang", "block"])
async def test_a_channel_that_hangs(host: Host, how: str) -> None:
    channel = host(HangingChannel, SOON)
    with pytest.raises(ChannelDied, match=r"no answer within 0\.3 s \(killed by SIGKILL\)"):
        await channel.send(hand_over([how]))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
async def test_a_channel_that_eats_memory(host: Host) -> None:
    channel = host(HungryChannel, Limits(memory_bytes=128 << 20))
    with pytest.raises(ChannelDied, match="exit status 137"):
        await channel.send(hand_over(["eat"]))
    assert await channel.send(hand_over(["ok"])) == Outcomes(Delivered())


@pytest.mark.parametrize("word", [*specimens.Garbler.noise, *specimens.Garbler.answers])
async def test_a_channel_that_answers_garbage(host: Host, word: str) -> None:
    channel = host(specimens.Garbler)
    with pytest.raises(ChannelDied, match=r"(garbage|announced .* bytes).*\(killed by SIGKILL\)"):
        await channel.send(hand_over(["someone"], word))


async def test_a_channel_that_dies_again_and_again_rests_in_between(
    host: Host, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = []

    async def rest(seconds: float) -> None:
        if seconds > 0:
            rests.append(seconds)
            clock.now += seconds

    start = ChildProcess.start

    async def slow_start(*given: Any) -> ChildProcess:
        clock.now += 3.0
        return await start(*given)

    monkeypatch.setattr(ChildProcess, "start", slow_start)
    monkeypatch.setattr(asyncio, "sleep", rest)
    channel = host(ExitingChannel, Limits(rest=2.0, rest_cap_seconds=5.0))
    assert await channel.send(hand_over(["ok"])) == Outcomes(Delivered())
    assert rests == []
    for _ in range(2):
        with pytest.raises(ChannelDied):
            await channel.send(hand_over(["exit"]))
        await channel.prepare()
    assert rests == [5.0, 5.0]


async def test_a_death_is_about_one_hand_over_only(host: Host) -> None:
    channel = host(ExitingChannel)
    answers = await asyncio.gather(
        *(channel.send(hand_over([word])) for word in ["ok", "exit", "ok", "exit", "ok"]),
        return_exceptions=True,
    )
    died = [isinstance(answer, ChannelDied) for answer in answers]
    assert died == [False, True, False, True, False]


async def test_a_death_between_hand_overs_is_nobodys(host: Host) -> None:
    channel = host(specimens.Leaving)
    first = await process_of(channel)
    assert channel._child is not None
    await channel._child._process.wait()
    assert await process_of(channel) != first


async def test_a_dead_channels_own_processes_die_too(host: Host, line: Line) -> None:
    sending = asyncio.create_task(host(specimens.Holder).send(hand_over(["someone"], "spawn")))
    await line.process()
    with pytest.raises(ChannelDied, match="exit status 3"):
        await sending
    await line.ended()


async def test_cancelling_kills_the_process(host: Host, line: Line) -> None:
    channel = host(specimens.Holder)
    sending = asyncio.create_task(channel.send(hand_over(["someone"], "wait")))
    process = await line.process()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not alive(process)
    await line.ended()


async def test_cancelling_before_its_turn_kills_nothing(host: Host, line: Line) -> None:
    channel = host(specimens.Holder)
    sending = asyncio.create_task(channel.send(hand_over(["someone"], "wait")))
    process = await line.process()
    waiting = asyncio.create_task(channel.send(hand_over(["another"])))
    await asyncio.wait([waiting], timeout=0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert alive(process)
    sending.cancel()
    await asyncio.wait([sending])


async def test_cancelling_a_start_kills_the_process(host: Host, starts: Starts, line: Line) -> None:
    channel = host(specimens.HangsAtStart)
    starts.forbid()
    sending = asyncio.create_task(channel.send(hand_over(["someone"])))
    process = await line.process()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not alive(process)
    await line.ended()


async def test_closing_ends_the_process(host: Host) -> None:
    channel = host(specimens.Plain)
    process = await process_of(channel)
    await channel.close()
    assert not alive(process)
    await channel.close()
    outcomes = await channel.send(hand_over(["someone"]))
    assert outcomes == Outcomes(Retry("the channel is closed, because the broker stops", 0.0))


async def test_closing_waits_for_the_hand_over_in_flight(host: Host, line: Line) -> None:
    channel = host(specimens.Holder)
    sending = asyncio.create_task(channel.send(hand_over(["someone"], "answer")))
    await line.process()
    await channel.close()
    assert await sending == Outcomes(Delivered())
    await line.ended()


@pytest.mark.parametrize(
    "how",
    [
        "wait",
        "orphan",
        pytest.param(
            "grip",
            marks=pytest.mark.skipif(
                sys.platform != "linux", reason="only Linux kills a process for its parent"
            ),
        ),
    ],
)
async def test_a_killed_broker_takes_its_channels_along(line: Line, how: str) -> None:
    broker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.channels.holding", how), cwd=ROOT
    )
    await line.process()
    broker.send_signal(signal.SIGKILL)
    await broker.wait()
    await line.ended()
