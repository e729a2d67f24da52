"""Store or queue refuse, the process stops, a worker goes away: nothing accepted is lost."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from notefly.application import trouble
from notefly.application.trouble import SILENT_SECONDS, Trouble
from notefly.domain.batch import BatchRef
from notefly.domain.delivery import State
from notefly.domain.errors import Unavailable
from notefly.domain.ids import BatchKey, SubscriberId
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver
from tests.application.house import QUICK, House, house_with
from tests.support.channels import Scripted
from tests.support.story import claim, join, plan
from tests.support.time import VirtualClock
from tests.support.troubled import Troubled
from tests.support.world import violations

FULL = Unavailable("the disk is full")
BROKEN = RuntimeError("a bug")


@asynccontextmanager
async def troubled(
    folder: Path, *channels: Scripted, **troubles: list[Exception]
) -> AsyncIterator[House]:
    async with house_with(folder, *channels) as house:
        batches = Troubled(house.world.batches, troubles)
        yield House(replace(house.world, batches=batches), house.channels)
        assert await violations(house.world) == []
        assert not any(troubles.values())


@pytest.mark.parametrize("verb", ["claim", "finish", "hand_over"])
@pytest.mark.parametrize("per_recipient", [True, False])
async def test_a_store_that_refuses_for_a_while_is_survived(
    tmp_path: Path, verb: str, per_recipient: bool
) -> None:
    channel = Scripted(per_recipient=per_recipient)
    troubles = {} if verb == "hand_over" and not per_recipient else {verb: [FULL, FULL]}
    async with troubled(tmp_path, channel, **troubles) as house:  # type: ignore[arg-type]
        await join(house.world, "ada", "bob")
        async with house.running():
            message = await house.goal()
            step = 0.0 if verb == "finish" else 0.01
            assert await house.done(message, step) == {State.DELIVERED: 2}
        assert len(channel.calls) == 1


async def test_consent_that_cannot_be_read_again_gives_the_group_back(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False)
    async with troubled(tmp_path, channel, hand_over=[FULL]) as house:
        await join(house.world, "ada")
        message = await house.goal()
        house_claim = house.world.batches.claim

        async def long_ago(*args: object) -> object:
            claims = await house_claim(*args)  # type: ignore[arg-type]
            house.clock.advance(1.0)
            return claims

        house.world.batches.claim = long_ago  # type: ignore[assignment,method-assign]
        async with house.running():
            assert await house.done(message, 0.01) == {State.DELIVERED: 1}


async def test_a_bug_in_delivering_holds_up_nobody_else(tmp_path: Path) -> None:
    channel = Scripted()
    async with troubled(tmp_path, channel, hand_over=[BROKEN]) as house:
        await join(house.world, "ada", "bob")
        async with house.running():
            assert await house.done(await house.goal()) == {State.DELIVERED: 2}


async def test_a_bug_in_a_channel_that_is_not_called_holds_up_nobody_else(tmp_path: Path) -> None:
    async def nothing_at_first(_: HandOver) -> Outcomes:
        return Outcomes(Delivered()) if len(channel.calls) > 1 else cast("Outcomes", None)

    channel = Scripted(per_recipient=False, answer=nothing_at_first)
    async with house_with(tmp_path, channel) as house:
        await join(house.world, "ada", "bob")
        async with house.running():
            assert await house.done(await house.goal()) == {State.DELIVERED: 2}


async def test_a_bug_in_recording_holds_up_nobody_else(tmp_path: Path) -> None:
    channel = Scripted()
    async with troubled(tmp_path, channel, finish=[BROKEN]) as house:
        await join(house.world, "ada")
        async with house.running():
            lost = await house.goal()
            other = await house.goal()
            await house.reaches(lost, {State.SENDING: 1})
            assert await house.done(other) == {State.DELIVERED: 1}
            house.advance(61)
            assert await house.done(lost, 0.01) == {State.DELIVERED: 1}


async def test_one_that_cannot_be_recorded_does_not_undo_its_group(tmp_path: Path) -> None:
    channel = Scripted(per_recipient=False, batch_size=1)
    async with troubled(tmp_path, channel, finish=[BROKEN]) as house:
        await join(house.world, "ada", "bob", "cleo")
        message = await house.goal()
        await plan(house.world, size=1)
        async with house.running():
            assert await house.done(message) == {State.DELIVERED: 3}
        assert len(channel.calls) == 3


async def test_a_queue_that_does_not_listen_once_loses_nothing(tmp_path: Path) -> None:
    async with house_with(tmp_path, Scripted()) as house:
        await join(house.world, "ada")
        right = house.queue.ack

        async def deaf(batches: Sequence[BatchKey]) -> None:
            if batches:
                house.queue.ack = right  # type: ignore[method-assign]
                raise BROKEN

        house.queue.ack = deaf  # type: ignore[method-assign]
        async with house.running():
            for _ in range(2):
                assert await house.done(await house.goal()) == {State.DELIVERED: 1}


async def test_whoever_cannot_record_keeps_no_hint_from_the_others(tmp_path: Path) -> None:
    """Cut off from the store, a worker loses its leases; who takes over needs the queue's hint."""
    async with troubled(tmp_path, Scripted(), finish=[FULL]) as house:
        await join(house.world, "ada")
        given_back: list[BatchKey] = []
        right = house.queue.nack

        async def heard(batches: Sequence[BatchKey], delay_seconds: float) -> None:
            given_back.extend(batches)
            await right(batches, delay_seconds)

        house.queue.nack = heard  # type: ignore[method-assign]
        async with house.running():
            message = await house.goal()
            assert await house.done(message, 0.01) == {State.DELIVERED: 1}
        assert set(given_back) == {BatchKey(1)}


@pytest.mark.parametrize("verb", ["claim", "finish"])
async def test_whoever_waits_long_for_the_store_keeps_no_hint_from_the_others(
    tmp_path: Path, verb: str
) -> None:
    """A network that swallows everything: the store's own time-outs are longer than a lease."""
    async with house_with(tmp_path, Scripted()) as house:
        await join(house.world, "ada")
        given_back = asyncio.Event()
        right, back = getattr(house.world.batches, verb), house.queue.nack

        async def silent(*args: Any) -> Any:
            await given_back.wait()
            return await right(*args)

        async def heard(batches: Sequence[BatchKey], delay_seconds: float) -> None:
            await back(batches, delay_seconds)
            given_back.set()

        setattr(house.world.batches, verb, silent)
        house.queue.nack = heard  # type: ignore[method-assign]
        async with house.running(replace(QUICK, patience=0.01)):
            message = await house.goal()
            assert await house.done(message, 0.01) == {State.DELIVERED: 1}


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_hint_does_not_go_round_among_those_who_are_cut_off_together(
    tmp_path: Path, refuses: bool
) -> None:
    """A worker claims several groups at once: none of them takes what another one gave back."""
    async with house_with(tmp_path, Scripted()) as house:
        await join(house.world, "ada")
        given_back, answering = asyncio.Event(), asyncio.Event()
        right, back, receive = house.world.batches.claim, house.queue.nack, house.queue.receive
        asking: list[asyncio.Task[Any] | None] = []

        async def away(*args: Any) -> Any:
            if refuses and not answering.is_set():
                raise FULL
            await answering.wait()
            return await right(*args)

        async def heard(batches: Sequence[BatchKey], delay_seconds: float) -> None:
            await back(batches, delay_seconds)
            given_back.set()

        async def asked(channels: frozenset[str], rows: int) -> Sequence[BatchRef]:
            asking.append(asyncio.current_task())
            try:
                return await receive(channels, rows)
            finally:
                asking.remove(asyncio.current_task())

        house.world.batches.claim = away  # type: ignore[assignment,method-assign]
        house.queue.nack, house.queue.receive = heard, asked  # type: ignore[method-assign]
        async with house.running(replace(QUICK, patience=0.01)):
            message = await house.goal()
            await given_back.wait()
            for _ in range(3):
                await asyncio.sleep(0)  # Whoever was told to stop asking does so.
            assert not asking
            answering.set()
            assert await house.done(message, 0.01) == {State.DELIVERED: 1}


async def test_a_lane_that_is_ended_by_a_mistake_keeps_no_leases(tmp_path: Path) -> None:
    async with troubled(tmp_path, Scripted(), finish=[FULL]) as house:
        await join(house.world, "ada")
        mistakes, right = [BROKEN, BROKEN], house.queue.nack

        async def broken(batches: Sequence[BatchKey], delay_seconds: float) -> None:
            await right(batches, delay_seconds)
            if batches and mistakes:
                raise mistakes.pop()

        house.queue.nack = broken  # type: ignore[method-assign]
        async with house.running():
            messages = [await house.goal() for _ in range(5)]
            for message in messages:
                assert await house.done(message, 1.0) == {State.DELIVERED: 1}
        assert not mistakes


async def test_a_channel_is_prepared_before_consent_is_read(tmp_path: Path) -> None:
    story: list[str] = []

    class Slow(Scripted):
        async def prepare(self) -> None:
            # Somebody changes their mind while its process starts.
            await house.world.subscribers.erase(SubscriberId("bob"), house.clock.now())
            story.append("ready")

    async with house_with(tmp_path, channel := Slow()) as house:
        await join(house.world, "ada", "bob")
        async with house.running():
            message = await house.goal()
            assert await house.done(message) == {State.DELIVERED: 1, State.CANCELLED: 1}
    assert (story, channel.called) == (["ready"], ["ada"])


async def test_planning_goes_on_after_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "REST_SECONDS", 0.0)
    async with troubled(tmp_path, Scripted(), plan=[FULL]) as house:
        await join(house.world, "ada")
        message = await house.goal()
        async with house.running():
            assert await house.done(message) == {State.DELIVERED: 1}


async def test_a_mistake_in_planning_is_logged_and_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trouble, "REST_SECONDS", 0.0)
    async with troubled(tmp_path, Scripted(), plan=[BROKEN]) as house:
        await join(house.world, "ada")
        message = await house.goal()
        async with house.running():
            assert await house.done(message) == {State.DELIVERED: 1}
    assert [record.exc_info is not None for record in caplog.records] == [True]


async def test_a_full_disk_is_worth_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    channel = Scripted(batch_size=1)
    refused = {"claim": [FULL] * 20, "finish": [FULL] * 20}
    async with troubled(tmp_path, channel, **refused) as house:  # type: ignore[arg-type]
        await join(house.world, *"abcdefgh")
        message = await house.goal()
        async with house.running():
            assert await house.done(message, 0.01) == {State.DELIVERED: 8}
    levels = [record.levelno for record in caplog.records]
    assert levels.count(logging.WARNING) == 1
    assert "work goes on" in caplog.text


def test_a_trouble_that_lasts_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock()
    trouble = Trouble(clock)
    for _ in range(3):
        for _ in range(5):
            trouble.met(FULL)
        clock.advance(SILENT_SECONDS)
    assert len(caplog.records) == 3


@pytest.mark.parametrize("before", [[], [FULL]])
async def test_a_claim_that_a_mistake_ends_is_tried_again(
    tmp_path: Path, before: list[Exception]
) -> None:
    async with troubled(tmp_path, Scripted(), claim=[BROKEN, *before]) as house:
        await join(house.world, "ada")
        message = await house.goal()
        async with house.running():
            assert await house.done(message, 0.01) == {State.DELIVERED: 1}


async def test_a_busy_batch_is_looked_at_again(tmp_path: Path) -> None:
    channel = Scripted()
    async with house_with(tmp_path, channel) as house:
        await join(house.world, "ada")
        message = await house.goal()
        [elsewhere] = await claim(house.world, *await plan(house.world), worker="w2")
        async with house.running():
            house.advance(0.01)
            await house.until(lambda: still_out(house))
            assert channel.calls == []
            house.advance(60)
            assert await house.done(message, 0.01) == {State.DELIVERED: 1}
            assert channel.calls[0].attempt == elsewhere.number + 1


async def still_out(house: House) -> bool:
    return await house.queue.depth() == 1
