"""Looking at messages and at the log, replaying, verifying; and how large a transaction may be."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from notefly.application.doorbell import Doorbell
from notefly.application.pace import (
    BUSY_SECONDS,
    CALM_SECONDS,
    FIRST_GUESS,
    SELDOM_SECONDS,
    Pace,
)
from notefly.application.verify import Verify, outcomes
from notefly.domain.delivery import State
from notefly.domain.errors import Conflict, Invalid, NotFound
from notefly.domain.ids import SubscriberId, SubscriberKey
from notefly.domain.log import DeliveryFilter, Proved
from tests.application.house import House
from tests.support.story import (
    DELIVERED,
    REFUSED,
    claim,
    finish,
    join,
    logged,
    plan,
    sms,
    states,
)
from tests.support.time import VirtualClock
from tests.support.world import violations

UNKNOWN = "0192f0c1-2b3c-7d4e-8f50-617283940516"


async def test_a_message_is_found_and_stopped(house: House) -> None:
    message = await house.goal()
    assert (await house.messages.get(message)).message.id == message
    assert (await house.messages.cancel(message)).cancelled_at == house.clock.now()
    assert await house.bells.reconciler.wait(0)
    for missing in (UNKNOWN, "x"):
        with pytest.raises(NotFound):
            await house.messages.get(missing)
        with pytest.raises(NotFound):
            await house.messages.cancel(missing)


async def test_the_log_shows_what_goes_out(house: House) -> None:
    [ada] = await join(house.world, "ada")
    message = await house.goal()
    page = await house.log.page(DeliveryFilter(), 10, None)
    assert [line.id for line in page.items] == [sms(message, ada)]
    story, rendering = await house.log.story(sms(message, ada))
    assert story.delivery.state is State.PENDING
    assert rendering is not None
    assert rendering.text == "Ada <+1-ada>: Goal!"
    for missing in (sms(message, SubscriberKey(ada + 1)), "x"):
        with pytest.raises(NotFound):
            await house.log.story(missing)
    without = replace(house.log, catalogue=replace(house.catalogue, channels={}))
    assert (await without.story(sms(message, ada)))[1] is None
    await house.subscribers.erase(SubscriberId("ada"))
    assert (await house.log.story(sms(message, ada)))[1] is None


async def dead(house: House, *names: str) -> None:
    await join(house.world, *names)
    await house.goal()
    [claimed] = await claim(house.world, *await plan(house.world))
    await finish(house.world, claimed, REFUSED)


async def test_one_dead_letter_is_replayed(house: House) -> None:
    await dead(house, "ada", "bob")
    ada, bob = await logged(house.world)
    await house.replay.one(ada.id, None)
    assert await house.queue.depth() == 1
    with pytest.raises(Conflict):
        await house.replay.one(ada.id, None)
    with pytest.raises(NotFound):
        await house.replay.one("x", None)
    with pytest.raises(Invalid, match="past"):
        await house.replay.one(bob.id, house.clock.now())
    await house.replay.one(bob.id, house.clock.now() + timedelta(seconds=1))


async def test_all_that_match_are_counted_and_replayed(house: House) -> None:
    await dead(house, "ada", "bob", "cleo")
    wanted = DeliveryFilter(subscriber=SubscriberId("bob"))
    assert await house.replay.count(wanted) == 1
    assert await house.replay.count(DeliveryFilter(state=State.DELIVERED)) == 3
    assert await house.replay.all(wanted, None) == 1
    assert await house.replay.all(DeliveryFilter(), None) == 2
    assert await house.replay.all(DeliveryFilter(), None) == 0
    with pytest.raises(Invalid):
        await house.replay.all(DeliveryFilter(), house.clock.now())
    refs = await house.queue.receive(frozenset({"sms"}), 10)
    for again in await claim(house.world, *refs):
        await finish(house.world, again, DELIVERED)
    [message] = {line.message_id for line in await logged(house.world)}
    assert await states(house.world, message) == {State.DELIVERED: 3}


async def test_what_has_expired_is_left_out(house: House) -> None:
    await join(house.world, "ada")
    await house.goal(expires_at=house.clock.now() + timedelta(seconds=60))
    [claimed] = await claim(house.world, *await plan(house.world))
    await finish(house.world, claimed, REFUSED)
    house.clock.advance(60)
    assert await house.replay.count(DeliveryFilter()) == 1
    assert await house.replay.all(DeliveryFilter(), None) == 0
    assert await house.replay.all(DeliveryFilter(), house.clock.now() + timedelta(seconds=1)) == 1


async def test_only_configured_channels_can_be_switched(house: House) -> None:
    for switch in (house.switch.pause, house.switch.resume):
        with pytest.raises(NotFound):
            await switch("pigeon")
    await house.switch.pause("sms")
    assert await house.bells.lanes.wait(0)
    assert await house.switch.paused() == {"sms"}


async def test_verify_names_what_holds_and_what_does_not(house: House) -> None:
    await dead(house, "ada")
    async with house.world.audit() as audit:
        proved = [one async for one in Verify(audit)() if isinstance(one, Proved)]
        assert [one.invariant for one in proved if one.holds] == list(audit.invariants())
        assert proved[1] == Proved("I2", {"deliveries": 1, "batches": 1}, 0)
    await house.world.inside.database.write(
        lambda transaction: transaction.run("UPDATE tally SET deliveries = 7")
    )
    found = await violations(house.world)
    async with house.world.audit() as audit:
        findings = [finding async for finding in Verify(audit)()]
    assert found[0] in findings
    assert Proved("I8", {"batches": 1}, len(found)) in findings
    assert Proved("I7", {"keys": 0, "requests": 0}, 0) in findings
    async with house.world.audit() as audit:
        came = [one async for one in outcomes(Verify(audit)())]
    assert came == [(name, found[0] if name == "I8" else None) for name in audit.invariants()]
    assert found[0].words == f"channel sms: {found[0].detail}"
    await house.world.inside.database.write(
        lambda transaction: transaction.run("UPDATE tally SET deliveries = 1")
    )


def test_the_pace_follows_the_clock() -> None:
    clock = VirtualClock()
    pace = Pace(clock)
    assert (pace.seconds, pace.deliveries) == (CALM_SECONDS, int(CALM_SECONDS / FIRST_GUESS))
    pace.published()
    assert pace.seconds == CALM_SECONDS
    clock.advance(0.5)
    pace.published()
    assert pace.seconds == SELDOM_SECONDS
    clock.advance(1.5)
    assert pace.seconds == CALM_SECONDS
    pace.published()
    assert pace.seconds == CALM_SECONDS
    pace.measured(0, 5.0)
    for _ in range(60):
        pace.measured(10, 10.0)
    assert pace.deliveries == 1


def came(pace: Pace, clock: VirtualClock, publishes: int, gap_seconds: float) -> list[float]:
    """What a transaction might take after each."""
    found = []
    for _ in range(publishes):
        clock.advance(gap_seconds)
        pace.published()
        found.append(pace.seconds)
    return found


@pytest.mark.parametrize(
    ("gap_seconds", "paced"), [(0.001, BUSY_SECONDS), (0.04, 0.005), (0.5, SELDOM_SECONDS)]
)
def test_whoever_publishes_seldom_waits_a_little_longer(gap_seconds: float, paced: float) -> None:
    clock = VirtualClock()
    assert came(Pace(clock), clock, 60, gap_seconds)[-1] == pytest.approx(paced, rel=1e-3)


def test_it_is_learnt_step_by_step_and_not_kept_over_a_rest() -> None:
    clock = VirtualClock()
    pace = Pace(clock)
    first, *_, last = came(pace, clock, 60, 0.04)[1:]
    assert BUSY_SECONDS <= first < last
    falling = came(pace, clock, 20, 0.0)
    assert falling == sorted(falling, reverse=True)
    assert last > falling[0] > falling[-1] == BUSY_SECONDS
    came(pace, clock, 60, 0.5)
    clock.advance(2.0)
    assert came(pace, clock, 3, 0.001)[1:] == [BUSY_SECONDS] * 2


def test_a_server_that_shares_commits_keeps_its_own_pace() -> None:
    clock = VirtualClock()
    pace = Pace(clock, 0.04, 0.05)
    assert set(came(pace, clock, 60, 0.01)[1:]) == {0.04}


def test_small_messages_make_no_transaction_smaller() -> None:
    pace = Pace(VirtualClock())
    room = pace.deliveries
    for _ in range(60):
        pace.measured(room // 10, CALM_SECONDS / 2)
    assert pace.deliveries == room


def test_full_transactions_make_the_next_ones_as_large_as_fits() -> None:
    pace = Pace(VirtualClock())
    for _ in range(9):
        pace.measured(pace.deliveries, CALM_SECONDS * 2)
    room = pace.deliveries
    for _ in range(9):
        pace.measured(pace.deliveries, CALM_SECONDS / 2)
    assert pace.deliveries > 2 * room


async def test_a_bell_is_heard_once_whenever_it_rings() -> None:
    bell = Doorbell()
    bell.ring()
    bell.ring()
    assert await bell.wait()
    assert not await bell.wait(0.001)
    waiting = asyncio.ensure_future(bell.wait())
    await asyncio.sleep(0)
    bell.ring()
    assert await waiting
