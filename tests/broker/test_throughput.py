"""How fast it goes, from counts that are taken while nobody looks."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from notefly.broker.throughput import EVERY_SECONDS, SPAN_SECONDS, Throughput
from notefly.domain.delivery import State
from notefly.domain.errors import Unavailable
from notefly.domain.log import ChannelFigures
from tests.broker.service import Broker


class Told:
    """A clock and figures as they are set."""

    seconds = 0.0
    accepted, ended, waiting = 0, 0, 0
    away: Exception | None = None

    def monotonic(self) -> float:
        return self.seconds

    async def messages(self) -> int:
        if self.away is not None:
            raise self.away
        return self.accepted

    async def deliveries(self) -> Mapping[tuple[str, State], int]:
        return {("sms", State.DELIVERED): self.ended - 1, ("sms", State.DEAD): 1}

    async def channels(self) -> Sequence[ChannelFigures]:
        return [ChannelFigures("sms", False, 0, 0, 0, self.waiting, None)]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def throughput(told: Told) -> Throughput:
    return Throughput(told, told)  # type: ignore[arg-type] # what else they can is not asked


async def test_rates_are_of_the_last_minute(told: Told, throughput: Throughput) -> None:
    assert throughput.rate(10, {}) is None
    told.accepted, told.ended = 10, 100
    await throughput.count()
    told.seconds = 0.1
    assert throughput.rate(11, {}) is None, "too soon to tell"
    told.seconds = 10.0
    told.accepted, told.ended = 30, 300
    rate = throughput.rate(30, {**await told.deliveries(), ("push", State.DEAD): 10})
    assert rate is not None
    assert (rate.accepted, rate.ended, rate.over_seconds) == (2.0, 21.0, 10.0)
    assert rate.by == {
        ("sms", State.DELIVERED): 20.0,
        ("sms", State.DEAD): 0.0,
        ("push", State.DEAD): 1.0,
    }
    await throughput.count()
    told.seconds = 65.0
    rate = throughput.rate(85, {})
    assert rate is not None
    assert rate.over_seconds == 55.0
    told.seconds = 500.0
    assert throughput.rate(85, {}) is None


async def test_history_goes_up_to_now(told: Told, throughput: Throughput) -> None:
    told.ended, told.waiting = 5, 10
    await throughput.count()
    told.seconds, told.ended, told.waiting = 5.0, 10, 4
    await throughput.count()
    told.seconds, told.ended, told.waiting = 5.1, 15, 0
    (age, first), (youngest, now) = await throughput.history()
    assert (age, first.came, first.ended, first.waiting) == (5.1, 15, 5, 10)
    assert (youngest, now.came, now.ended, now.waiting) == (0.0, 15, 15, 0), "never backwards"


async def test_what_is_too_old_is_forgotten(told: Told, throughput: Throughput) -> None:
    for number in range(int(20 * 60 / EVERY_SECONDS)):
        told.seconds = number * EVERY_SECONDS
        await throughput.count()
    (oldest, _), *_ = await throughput.history()
    assert oldest == SPAN_SECONDS


@pytest.mark.parametrize("away", [Unavailable("no store"), RuntimeError("a mistake")])
async def test_a_store_that_is_away_is_asked_again_later(
    told: Told, throughput: Throughput, away: Exception
) -> None:
    told.away = away
    async with throughput.kept():
        told.away = None
        assert len(await throughput.history()) == 1, "now alone"


def test_it_is_counted_before_anybody_asks(start: Callable[..., Broker]) -> None:
    broker = start()
    broker.put("ada", name="Ada", phone="+12025550123", categories=["sports"], channels=["sms"])
    broker.done(broker.publish(category="sports", body="x")["id"])
    while len(told := broker.get("/v1/queue/history")["items"]) < 2:
        pass  # For half a second after its start a broker cannot say.
    assert [told[-1][name] - told[0][name] for name in ("accepted", "came", "ended")] == [1, 1, 1]
    rates = broker.get("/v1/stats")["rates"]
    assert rates["by_channel"] == {"sms": {"delivered": rates["ended_per_second"]}}
    assert rates["ended_per_second"] > 0
