"""What every BatchStore does about leases: claims, fences, what was interrupted."""

from dataclasses import replace
from datetime import timedelta

from notefly.domain.batch import NOBODY, BatchRef, Claim, Ending, Report
from notefly.domain.delivery import State
from notefly.domain.ids import BatchKey, MessageKey, SubscriberKey
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    LEASE,
    REFUSED,
    claim,
    finish,
    handed,
    join,
    line,
    plan,
    publish,
    retry,
    started,
    states,
    status,
)
from tests.support.world import World

leasing = Suite()
DAY = 86_400.0


async def outcome(world: World, *refs: BatchRef) -> tuple[int, list[BatchKey], list[BatchKey]]:
    """How many were claimed; the gone and the busy ones."""
    found = await world.batches.claim(refs, "w2", LEASE, world.clock.now())
    return len(found.claims), list(found.gone), list(found.busy)


def ref_of(claimed: Claim) -> BatchRef:
    return BatchRef(claimed.batch, claimed.message.key, claimed.channel, claimed.size)


@leasing
async def a_claim_is_numbered_before_any_call(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    assert (claimed.number, claimed.spent, claimed.size) == (1, 1, 2)
    assert (claimed.channel, claimed.message.id) == ("sms", message)
    assert claimed.claimed_at == world.clock.now()
    assert await states(world, message) == {State.SENDING: 2}
    subscriber = (await world.batches.hand_over([claimed], NOBODY, 1, world.clock.now()))[0].through
    story = await world.deliveries.get((await line(world, message, subscriber)).id)
    assert story is not None
    [attempt] = story.attempts
    assert (attempt.number, attempt.worker, attempt.ending) == (1, "w1", "running")
    assert (attempt.started_at, attempt.ended_at) == (None, None)


@leasing
async def who_lost_the_batch_is_given_nobody_of_it(world: World) -> None:
    """A worker that stood still need not call for results that would be refused."""
    _, claimed = await started(world, "ada", "bob")
    assert not (await world.batches.hand_over([claimed], NOBODY, 1, world.clock.now()))[0].stopped
    world.clock.advance(LEASE + 1)
    for _ in range(2):
        refs = await world.batches.take_over(world.clock.now())
        [part] = await world.batches.hand_over([claimed], NOBODY, 9, world.clock.now())
        assert (part.stopped, list(part.recipients)) == (True, [])
        await claim(world, *refs)


@leasing
async def only_one_can_hold_it(world: World) -> None:
    _, claimed = await started(world, "ada")
    assert await outcome(world, ref_of(claimed)) == (0, [], [claimed.batch])


@leasing
async def what_is_finished_is_gone(world: World) -> None:
    _, claimed = await started(world, "ada")
    await finish(world, claimed, DELIVERED)
    never = BatchRef(BatchKey(99), MessageKey(99), "sms", 1)
    assert await outcome(world, ref_of(claimed), never) == (0, [claimed.batch, BatchKey(99)], [])


@leasing
async def what_waits_is_busy_until_it_is_due(world: World) -> None:
    message, claimed = await started(world, "ada")
    due = world.clock.now().replace(second=30)
    [ref] = (await finish(world, claimed, retry(due))).refs
    assert (ref.batch, ref.due_at, ref.size) == (claimed.batch, due, 1)
    assert await states(world, message) == {State.RETRYING: 1}
    world.clock.advance(29.9)
    assert await outcome(world, ref) == (0, [], [ref.batch])
    world.clock.advance(0.1)
    [again] = await claim(world, ref)
    assert (again.number, again.spent) == (2, 2)
    assert again.token > claimed.token


@leasing
async def a_group_is_claimed_together(world: World) -> None:
    await join(world, *(f"p{n}" for n in range(6)))
    await publish(world)
    refs = await plan(world, size=2)
    await finish(world, (await claim(world, refs[0]))[0], DELIVERED)
    await claim(world, refs[1])
    assert await outcome(world, *refs) == (1, [refs[0].batch], [refs[1].batch])


@leasing
async def a_stale_report_changes_nothing(world: World) -> None:
    message, old = await started(world, "ada")
    world.clock.advance(LEASE)
    [ref] = await world.batches.take_over(world.clock.now())
    [new] = await claim(world, ref, worker="w2")
    late = await finish(world, old, REFUSED)
    assert (list(late.stale), list(late.refs)) == ([old.batch], [])
    assert await states(world, message) == {State.SENDING: 1}
    assert not (await finish(world, new, DELIVERED)).stale
    assert list((await finish(world, new, REFUSED)).stale) == [new.batch]
    assert list((await finish(world, old, REFUSED)).stale) == [new.batch]
    assert await states(world, message) == {State.DELIVERED: 1}


@leasing
async def a_stale_report_spoils_no_other(world: World) -> None:
    await join(world, "ada", "bob")
    message = await publish(world)
    first, second = await claim(world, *await plan(world, size=1))
    stale = replace(first, token=first.token + 7)
    at = world.clock.now()
    done = await world.batches.finish(
        [
            Report(stale, Ending.FINISHED, at, [handed(world, stale, REFUSED)]),
            Report(second, Ending.FINISHED, at, [handed(world, second, DELIVERED)]),
        ]
    )
    assert list(done.stale) == [first.batch]
    assert await states(world, message) == {State.SENDING: 1, State.DELIVERED: 1}


@leasing
async def a_lease_that_ran_out_is_taken_over(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    world.clock.advance(LEASE - 1)
    assert list(await world.batches.take_over(world.clock.now())) == []
    at = world.clock.advance(1)
    assert list(await world.batches.take_over(at)) == [ref_of(claimed)]
    assert list(await world.batches.take_over(at)) == []
    assert await states(world, message) == {State.SENDING: 2}
    [again] = await claim(world, ref_of(claimed), worker="w2")
    assert (again.number, again.spent) == (2, 1)
    await finish(world, again, DELIVERED)
    story = await world.deliveries.get((await line(world, message, await first(world))).id)
    assert story is not None
    assert [(a.number, a.worker, a.ending) for a in story.attempts] == [
        (1, "w1", "died"),
        (2, "w2", "finished"),
    ]
    assert story.attempts[0].ended_at == at


async def first(world: World) -> SubscriberKey:
    return (await world.subscribers.list(1, None)).items[0].key


@leasing
async def a_wall_clock_that_jumps_ends_no_lease(world: World) -> None:
    _, claimed = await started(world, "ada")
    for days in (3, -6, 2):
        at = world.clock.jump(days * DAY)
        assert list(await world.batches.take_over(at)) == []
    assert not (await finish(world, claimed, DELIVERED)).stale


@leasing
async def a_clock_that_was_set_back_delays_no_retry(world: World) -> None:
    _, claimed = await started(world, "ada")
    due = world.clock.now() + timedelta(seconds=30)
    [ref] = (await finish(world, claimed, retry(due))).refs
    world.clock.advance(10)
    at = world.clock.jump(-3 * DAY)
    [sooner] = await world.batches.take_over(at)
    assert sooner == replace(ref, due_at=at + timedelta(seconds=20))
    assert list(await world.batches.take_over(at)) == []
    world.clock.advance(19.9)
    assert await outcome(world, sooner) == (0, [], [ref.batch])
    world.clock.advance(0.1)
    [again] = await claim(world, sooner)
    assert (again.number, again.spent) == (2, 2)
    await finish(world, again, DELIVERED)


@leasing
async def what_was_due_before_the_clock_was_set_back_is_due_at_once(world: World) -> None:
    _, claimed = await started(world, "ada")
    [ref] = (await finish(world, claimed, retry(world.clock.now() + timedelta(seconds=30)))).refs
    world.clock.advance(60)
    at = world.clock.jump(-45)
    assert list(await world.batches.take_over(at)) == [replace(ref, due_at=at)]
    [again] = await claim(world, ref)
    await finish(world, again, DELIVERED)


@leasing
async def a_clock_that_was_set_forward_or_only_corrected_changes_no_due_time(world: World) -> None:
    _, claimed = await started(world, "ada")
    due = world.clock.now() + timedelta(days=1)
    [ref] = (await finish(world, claimed, retry(due))).refs
    for seconds in (-0.4, 0.2, -0.5, 3_600, -0.9):
        assert list(await world.batches.take_over(world.clock.jump(seconds))) == []
    [line_of] = await world.batches.unfinished(BatchKey(0), 10)
    assert line_of == ref


@leasing
async def a_lease_can_be_kept(world: World) -> None:
    _, claimed = await started(world, "ada")
    world.clock.advance(LEASE - 1)
    await world.batches.extend([claimed], LEASE)
    world.clock.advance(LEASE - 1)
    assert list(await world.batches.take_over(world.clock.now())) == []
    world.clock.advance(1)
    assert len(await world.batches.take_over(world.clock.now())) == 1


@leasing
async def a_lost_lease_cannot_be_kept(world: World) -> None:
    _, old = await started(world, "ada", "bob")
    world.clock.advance(LEASE)
    [ref] = await world.batches.take_over(world.clock.now())
    await world.batches.extend([old], 10 * LEASE)
    [new] = await claim(world, ref)
    await world.batches.extend([old], 10 * LEASE)
    world.clock.advance(LEASE)
    assert await world.batches.take_over(world.clock.now())
    assert list((await finish(world, new, DELIVERED)).stale) == [new.batch]


@leasing
async def what_is_given_back_goes_on(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    released = Report(claimed, Ending.RELEASED, world.clock.now())
    [ref] = (await world.batches.finish([released])).refs
    assert ref == ref_of(claimed)
    [again] = await claim(world, ref)
    assert (again.number, again.spent, again.size) == (2, 1, 2)
    await finish(world, again, DELIVERED)
    assert await states(world, message) == {State.DELIVERED: 2}
    assert (await status(world, message)).total == 2
