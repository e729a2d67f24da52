import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from notefly_test_channels.misbehaving import (
    ExitingChannel,
    FlakyChannel,
    HangingChannel,
    HungryChannel,
)

from notefly.adapters.channels.ear import HEARD_LIMIT
from notefly.adapters.channels.host import SupervisedChannel
from notefly.adapters.channels.process import Limits
from notefly.domain.outcome import Delivered, Outcomes, Refused, Retry
from notefly.ports.channel import Channel, ChannelDied
from tests.channels import specimens
from tests.channels.builders import ACCEPTED_AT, hand_over, message, recipient

ROOT = Path(__file__).parents[2]
SOON = Limits(hand_over_seconds=0.3)
Host = Callable[..., SupervisedChannel]


class StoppedClock:
    """Moves when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
async def host(clock: StoppedClock) -> AsyncIterator[Host]:
    """Hosts an instance of a class; everything is closed after the test."""
    hosted: list[SupervisedChannel] = []

    def make(kind: Callable[[], Channel], limits: Limits = Limits()) -> SupervisedChannel:  # noqa: B008
        target = f"{kind.__module__}:{kind.__qualname__}"
        hosted.append(SupervisedChannel(kind(), target, monotonic=clock, limits=limits))
        return hosted[-1]

    yield make
    for channel in hosted:
        await channel.close()


class Line:
    """A FIFO that a channel's process writes to; its end is the end of everybody who holds it."""

    def __init__(self, path: Path, opened: ExitStack) -> None:
        os.mkfifo(path)
        self._path = path
        self._opened = opened

    async def process(self) -> int:
        """Waits for the process to say who it is."""
        self._stream = self._opened.enter_context(await asyncio.to_thread(self._path.open))
        return int(await asyncio.to_thread(self._stream.readline))

    async def ended(self) -> None:
        assert not await asyncio.to_thread(self._stream.read)


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setenv(specimens.FIFO, str(tmp_path / "line"))
    with ExitStack() as opened:
        yield Line(tmp_path / "line", opened)


class Starts:
    """Once forbidden, a specimen cannot be made any more, and each try is counted."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = path
        self._monkeypatch = monkeypatch

    def forbid(self) -> None:
        self._monkeypatch.setenv(specimens.STARTS, str(self._path))

    def count(self) -> int:
        return len(self._path.read_text().splitlines())


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Starts:
    return Starts(tmp_path / "starts", monkeypatch)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def process_of(channel: SupervisedChannel) -> int:
    outcomes = await channel.send(hand_over(["anyone"]))
    match outcomes.default:
        case Delivered(str(detail)):
            return int(detail)
        case other:
            raise AssertionError(other)


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


async def test_a_channel_without_recipients(host: Host) -> None:
    channel = host(specimens.Silent)
    assert not channel.per_recipient
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
    assert await channel.send(hand_over(["ok"])) == Outcomes(Delivered())


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


async def test_cancelling_a_start_leaves_nothing_behind(host: Host, starts: Starts) -> None:
    channel = host(specimens.HangsAtStart)
    starts.forbid()
    sending = asyncio.create_task(channel.send(hand_over(["someone"])))
    await asyncio.wait([sending], timeout=0.2)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert channel._child is None


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
