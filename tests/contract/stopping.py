"""What every BatchStore does when something must stop: cancel, expiry, and poison."""

from dataclasses import replace

from notefly.domain.batch import EVERYBODY, NOBODY, BatchRef, Claim
from notefly.domain.delivery import MessageState, Reason, State
from notefly.domain.ids import MessageId
from notefly.domain.message import Content
from tests.contract.recording import next_part
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    LEASE,
    claim,
    died,
    finish,
    join,
    line,
    logged,
    plan,
    profile,
    publish,
    retry,
    sms,
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
    assert (await world.batches.hand_over(under_way, NOBODY, 1, world.clock.now())).stopped
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
    assert not (await world.batches.hand_over(under_way, NOBODY, 1, world.clock.now())).stopped
    world.clock.advance(0.1)
    assert (await world.batches.hand_over(under_way, NOBODY, 1, world.clock.now())).stopped
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


async def dies_on(
    world: World, message: MessageId, guilty: int, refs: list[BatchRef]
) -> dict[State, int]:
    """Work off everything with a channel whose process dies whenever it meets one person."""
    for _ in range(100):
        if not refs:
            return await states(world, message)
        ref, *refs = refs
        for claimed in await claim(world, ref):
            refs += await _try(world, claimed, guilty)
        await states(world, message)
    raise AssertionError("it never ends")


async def _try(world: World, claimed: Claim, guilty: int) -> list[BatchRef]:
    part = await world.batches.hand_over(claimed, NOBODY, 1_000, world.clock.now())
    if any(person.subscriber == guilty for person in part.recipients):
        return await died(world, claimed)
    return list((await finish(world, claimed, DELIVERED)).refs)


@stopping
async def poison_ends_alone(world: World) -> None:
    await join(world, *"abcdefg")
    message = await publish(world)
    guilty = (await logged(world))[4].subscriber_key
    ended = await dies_on(world, message, guilty, await plan(world))
    assert ended == {State.DELIVERED: 6, State.DEAD: 1}
    dead = await line(world, message, guilty)
    assert (dead.state, dead.reason) == (State.DEAD, Reason.POISON)
    story = await world.deliveries.get(sms(message, guilty))
    assert story is not None
    numbers = [attempt.number for attempt in story.attempts]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {attempt.ending for attempt in story.attempts} == {"died"}
    assert story.attempts[-1].detail


@stopping
async def poison_among_those_who_wait_ends_alone(world: World) -> None:
    message, claimed = await started(world, *"abcde")
    keys = [found.subscriber_key for found in await logged(world)]
    waiting = {key: retry(world.clock.now()) for key in keys[1:]}
    refs = list((await finish(world, claimed, DELIVERED, waiting)).refs)
    ended = await dies_on(world, message, keys[3], refs)
    assert ended == {State.DELIVERED: 4, State.DEAD: 1}
    assert (await line(world, message, keys[3])).reason is Reason.POISON


@stopping
async def what_was_handed_over_before_a_death_is_kept(world: World) -> None:
    message, claimed = await started(world, *"abcd")
    part = await next_part(world, claimed, NOBODY, 3)
    [ref] = await died(world, claimed, [part])
    assert ref.size == 1
    assert await states(world, message) == {State.DELIVERED: 3, State.SENDING: 1}
    [again] = await claim(world, ref)
    assert again.spent == 1
    assert await died(world, again) == []
    assert await states(world, message) == {State.DELIVERED: 3, State.DEAD: 1}


@stopping
async def a_death_after_the_last_hand_over_harms_nobody(world: World) -> None:
    message, claimed = await started(world, *"abcd")
    part = replace(await next_part(world, claimed, NOBODY, 3), through=EVERYBODY)
    assert await died(world, claimed, [part]) == []
    assert await states(world, message) == {State.DELIVERED: 4}


@stopping
async def leases_that_run_out_twice_are_poison_too(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    world.clock.advance(LEASE)
    refs = list(await world.batches.take_over(world.clock.now()))
    await claim(world, *refs)
    world.clock.advance(LEASE)
    refs = list(await world.batches.take_over(world.clock.now()))
    assert [ref.size for ref in refs] == [1, 1]
    assert await states(world, message) == {State.SENDING: 2}
    for again in await claim(world, *refs):
        assert (again.number, again.spent) == (3, 1)
        await finish(world, again, DELIVERED)
    assert await states(world, message) == {State.DELIVERED: 2}
    assert claimed.batch not in {ref.batch for ref in refs}


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


@stopping
async def a_half_does_not_record_again_what_its_batch_did(world: World) -> None:
    await join(world, "ada", "bob", "cleo", "dan")
    message = await publish(world)
    [ref] = await plan(world)
    [first] = await claim(world, ref)
    part = await world.batches.hand_over(first, NOBODY, 4, world.clock.now())
    cleo = part.recipients[2].subscriber
    due = world.clock.now().replace(second=30)
    await finish(world, first, retry(due), {cleo: DELIVERED})
    world.clock.advance(60)
    [again] = await claim(world, ref)
    await died(world, again)
    [once_more] = await claim(world, ref)
    halves = await died(world, once_more)
    assert len(halves) == 2
    for half in await claim(world, *halves):
        await finish(world, half, DELIVERED)
    assert await states(world, message) == {State.DELIVERED: 4}
