"""What every BatchStore does when something must stop: cancel and expiry."""

from notefly.domain.batch import NOBODY, BatchRef
from notefly.domain.delivery import MessageState, Reason, State
from notefly.domain.message import Content
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    LEASE,
    claim,
    finish,
    join,
    line,
    logged,
    plan,
    profile,
    publish,
    retry,
    started,
    states,
    status,
)
from tests.support.world import World

stopping = Suite()


async def gone(world: World, *refs: BatchRef) -> int:
    """How many were ended instead of claimed; none was claimed."""
    found = await world.batches.claim(refs, "w1", LEASE, world.clock.now())
    assert not found.claims
    return len(found.gone)


@stopping
async def cancel_ends_what_has_not_started(world: World) -> None:
    await join(world, "ada", "bob", "cleo")
    message = await publish(world)
    first, second, third = await plan(world, size=1)
    [done] = await claim(world, first)
    await finish(world, done, DELIVERED)
    [under_way] = await claim(world, second)
    await world.messages.cancel(message, world.clock.now())
    assert await gone(world, third) == 1
    assert (await world.batches.hand_over([under_way], NOBODY, 1, world.clock.now()))[0].stopped
    await finish(world, under_way, DELIVERED)
    assert await states(world, message) == {State.DELIVERED: 2, State.CANCELLED: 1}
    [stopped] = [found for found in await logged(world) if found.state is State.CANCELLED]
    assert (stopped.reason, stopped.attempts) == (Reason.STOPPED, 0)
    assert stopped.updated_at == world.clock.now()
    assert (await status(world, message)).state is MessageState.DONE


@stopping
async def cancel_ends_what_is_not_planned(world: World) -> None:
    await join(world, "ada", "bob")
    message = await publish(world)
    await world.messages.cancel(message, world.clock.now())
    refs = await plan(world, size=1)
    assert await gone(world, *refs) == 2
    assert await states(world, message) == {State.CANCELLED: 2}


@stopping
async def cancel_wakes_what_waits(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    ada = (await logged(world))[0].subscriber_key
    due = world.clock.now().replace(hour=20)
    done = await finish(world, claimed, retry(due), {ada: retry(due)})
    await world.messages.cancel(message, world.clock.now())
    assert await gone(world, *done.refs) == 2
    assert await states(world, message) == {State.CANCELLED: 2}


@stopping
async def who_left_before_the_cancel_left(world: World) -> None:
    [ada, _] = await join(world, "ada", "bob")
    message = await publish(world)
    refs = await plan(world)
    await world.subscribers.put(profile("ada", "movies"), world.clock.now())
    await world.messages.cancel(message, world.clock.now())
    await gone(world, *refs)
    assert (await line(world, message, ada)).reason is Reason.UNSUBSCRIBED
    assert await states(world, message) == {State.CANCELLED: 2}


@stopping
async def what_expires_is_dead(world: World) -> None:
    await join(world, "ada", "bob")
    expires_at = world.clock.now().replace(minute=10)
    message = await publish(world, Content("sports", "Soon", expires_at=expires_at))
    first, second = await plan(world, size=1)
    [under_way] = await claim(world, first)
    world.clock.advance(599.9)
    assert not (await world.batches.hand_over([under_way], NOBODY, 1, world.clock.now()))[0].stopped
    world.clock.advance(0.1)
    assert (await world.batches.hand_over([under_way], NOBODY, 1, world.clock.now()))[0].stopped
    assert await gone(world, second) == 1
    await finish(world, under_way, DELIVERED)
    [dead] = [found for found in await logged(world) if found.state is State.DEAD]
    assert (dead.reason, dead.attempts, dead.updated_at) == (Reason.EXPIRED, 0, expires_at)
    assert dead.detail
    assert await states(world, message) == {State.DELIVERED: 1, State.DEAD: 1}


@stopping
async def what_expires_while_it_waits_is_dead(world: World) -> None:
    await join(world, "ada", "bob")
    ten_past = world.clock.now().replace(minute=10)
    message = await publish(world, Content("sports", "Soon", expires_at=ten_past))
    [claimed] = await claim(world, *await plan(world))
    ada = (await logged(world))[0].subscriber_key
    soon = world.clock.now().replace(minute=9)
    done = await finish(world, claimed, DELIVERED, {ada: retry(soon)})
    world.clock.advance(600)
    assert await gone(world, *done.refs) == 1
    dead = await line(world, message, ada)
    assert (dead.state, dead.reason, dead.attempts) == (State.DEAD, Reason.EXPIRED, 1)


@stopping
async def what_nobody_claims_is_stopped_too(world: World) -> None:
    await join(world, "ada", "bob", "cleo")
    cancelled, live = await publish(world), await publish(world)
    [first, second, third] = [ref for ref in await plan(world, size=1) if ref.message == 1]
    [under_way] = await claim(world, first)
    await world.messages.cancel(cancelled, world.clock.now())
    assert await world.batches.stop(world.clock.now(), 1) == 1
    assert await world.batches.stop(world.clock.now(), 9) == 1
    assert await world.batches.stop(world.clock.now(), 9) == 0
    assert await states(world, cancelled) == {State.CANCELLED: 2, State.SENDING: 1}
    assert await gone(world, second, third) == 2
    assert await states(world, live) == {State.PENDING: 3}
    # What was under way and is told to wait has nothing to wait for any more.
    await finish(world, under_way, retry(world.clock.now().replace(second=59)))
    assert await world.batches.stop(world.clock.now(), 9) == 1
    assert (await status(world, cancelled)).state is MessageState.DONE
