"""A queue on a server that is away: what it could not take is offered as soon as it is back."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from typing_extensions import override

from notefly.adapters.inprocess.queue import InProcessQueue
from notefly.application import engine as engine_module
from notefly.application.seed import LoadMocks
from notefly.domain.batch import BatchRef
from notefly.domain.delivery import State
from notefly.domain.errors import Unavailable
from notefly.domain.outcome import Delivered, Outcomes, Retry
from notefly.ports.channel import HandOver
from tests.application.house import Asked, House, house_with
from tests.application.test_trouble import FULL, troubled
from tests.support.channels import Scripted
from tests.support.story import claim, join, plan, profile

BROKEN = RuntimeError("a bug")


class Away(InProcessQueue):
    """A queue on a server; it cannot be reached the first `times` that something is offered."""

    times = 0
    asked = 0

    @override
    async def offer(self, refs: Sequence[BatchRef]) -> None:
        if refs:
            self.asked += 1
            if self.asked <= self.times:
                raise Unavailable("the queue cannot be reached")
        await super().offer(refs)


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_what_could_not_be_offered_is_offered_as_soon_as_the_queue_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(engine_module, "RECONCILE_SECONDS", 0.001)
    monkeypatch.setattr(engine_module, "REOFFER_EVERY", 1_000_000)
    async with house_with(tmp_path, Scripted()) as house:
        queue = house.queue = Away(house.clock)
        queue.times = times
        await join(house.world, "ada")
        async with house.running():
            message = await house.goal()
            assert await house.done(message) == {State.DELIVERED: 1}
        assert queue.asked == times + 1


async def test_a_look_that_fails_forgets_no_ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RECONCILE_SECONDS", 0.001)
    monkeypatch.setattr(engine_module, "REOFFER_EVERY", 1_000_000)
    troubles: dict[str, list[Exception]] = {}

    class AwayWithTheStore(Away):
        @override
        async def offer(self, refs: Sequence[BatchRef]) -> None:
            if refs and not self.asked:
                troubles["take_over"] = [FULL]
            await super().offer(refs)

    async with troubled(tmp_path, Scripted()) as house:
        house.world.batches.troubles = troubles  # type: ignore[attr-defined]
        queue = house.queue = AwayWithTheStore(house.clock)
        queue.times = 1
        await join(house.world, "ada")
        async with house.running():
            message = await house.goal()
            assert await house.done(message) == {State.DELIVERED: 1}
        assert troubles == {"take_over": []}


async def test_what_was_taken_over_is_offered_though_the_queue_refused_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RECONCILE_SECONDS", 0.001)
    monkeypatch.setattr(engine_module, "REOFFER_EVERY", 1_000_000)
    async with house_with(tmp_path, Scripted()) as house:
        leadership = house.leadership = Asked()
        queue = house.queue = Away(house.clock)
        queue.times = 1
        await join(house.world, "ada")
        message = await house.goal()
        await claim(house.world, *await plan(house.world), worker="w2")
        house.advance(60)
        async with house.running():
            leadership.yes = True
            assert await house.done(message) == {State.DELIVERED: 1}


async def test_a_start_without_a_queue_makes_up_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "RECONCILE_SECONDS", 0.001)
    async with house_with(tmp_path, Scripted()) as house:
        queue = house.queue = Away(house.clock)
        queue.times = 1
        await join(house.world, "ada")
        message = await house.goal()
        await plan(house.world)
        async with house.running():
            assert await house.done(message) == {State.DELIVERED: 1}


class ForgetsRetries(InProcessQueue):
    """What waits for a retry cannot be offered, the first time."""

    error: Exception | None = None

    @override
    async def offer(self, refs: Sequence[BatchRef]) -> None:
        if self.error is not None and any(ref.due_at for ref in refs):
            error, self.error = self.error, None
            raise error
        await super().offer(refs)


@pytest.mark.parametrize("error", [Unavailable("the queue cannot be reached"), BROKEN])
async def test_a_retry_that_the_queue_did_not_take_is_offered_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(engine_module, "RECONCILE_SECONDS", 0.001)
    monkeypatch.setattr(engine_module, "REOFFER_EVERY", 1_000_000)

    async def first_retry(_: HandOver) -> Outcomes:
        return Outcomes(Retry("try later") if len(channel.calls) == 1 else Delivered())

    channel = Scripted(answer=first_retry)
    async with house_with(tmp_path, channel) as house:
        queue = house.queue = ForgetsRetries(house.clock)
        queue.error = error
        await join(house.world, "ada")
        async with house.running():
            message = await house.goal()
            assert await house.done(message, 1.0) == {State.DELIVERED: 1}
        assert queue.error is None


async def test_two_processes_that_begin_together_load_the_mocks_once(house: House) -> None:
    class Empty:
        async def subscribers_ever(self) -> int:
            return 0

    loads = [
        LoadMocks(house.subscribers, Empty(), house.catalogue, [profile("ada", "sports", "sms")])  # type: ignore[arg-type]
        for _ in range(2)
    ]
    assert [await load() for load in loads] == [1, 0]
