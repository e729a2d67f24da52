"""What every BatchStore does with whom the channel dies on."""

from dataclasses import replace

from notefly.domain.batch import EVERYBODY, NOBODY, BatchRef, Begun, Claim
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import BatchKey, MessageId
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
    publish,
    retry,
    sms,
    started,
    states,
)
from tests.support.world import World

poisoning = Suite()


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
    [part] = await world.batches.hand_over([claimed], NOBODY, 1_000, world.clock.now())
    if any(person.subscriber == guilty for person in part.recipients):
        return await died(world, claimed)
    return list((await finish(world, claimed, DELIVERED)).refs)


@poisoning
async def of_those_that_died_once_a_claim_takes_one(world: World) -> None:
    await join(world, "ada")
    for _ in range(3):
        await publish(world)
    for claimed in await claim(world, *await plan(world)):
        await died(world, claimed)
    suspects = await world.batches.unfinished(BatchKey(0), 10)
    await publish(world)
    asked = [*suspects, *await plan(world)]
    claims = await world.batches.claim(asked, "w2", LEASE, world.clock.now())
    assert sorted(claimed.deaths for claimed in claims.claims) == [0, 1]
    assert len(claims.busy) == 2
    assert not claims.gone


@poisoning
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


@poisoning
async def poison_among_those_who_wait_ends_alone(world: World) -> None:
    message, claimed = await started(world, *"abcde")
    keys = [found.subscriber_key for found in await logged(world)]
    waiting = {key: retry(world.clock.now()) for key in keys[1:]}
    refs = list((await finish(world, claimed, DELIVERED, waiting)).refs)
    ended = await dies_on(world, message, keys[3], refs)
    assert ended == {State.DELIVERED: 4, State.DEAD: 1}
    assert (await line(world, message, keys[3])).reason is Reason.POISON


@poisoning
async def who_was_alone_when_the_channel_died_stands_alone(world: World) -> None:
    message, claimed = await started(world, *"abcde")
    assert claimed.deaths == 0
    [ref] = await died(world, claimed)
    [one_by_one] = await claim(world, ref)
    assert one_by_one.deaths == 1
    first = await next_part(world, one_by_one, NOBODY, 1)
    [guilty] = await world.batches.hand_over([one_by_one], first.through, 1, world.clock.now())
    begun = Begun(guilty.after, guilty.through, guilty.epoch, world.clock.now())
    alone, others = await died(world, one_by_one, [first], begun)
    assert (alone.size, others.size, others.batch) == (1, 3, claimed.batch)
    assert await states(world, message) == {State.DELIVERED: 1, State.SENDING: 4}
    [again] = await claim(world, others)
    assert again.deaths == 1
    assert (await finish(world, again, DELIVERED)).refs == []
    [last] = await claim(world, alone)
    assert (last.deaths, last.number, last.spent) == (1, 3, 1)
    assert await died(world, last) == []
    assert await states(world, message) == {State.DELIVERED: 4, State.DEAD: 1}
    dead = await line(world, message, guilty.recipients[0].subscriber)
    assert (dead.reason, dead.attempts) == (Reason.POISON, 3)


@poisoning
async def a_death_among_several_blames_none_of_them(world: World) -> None:
    message, claimed = await started(world, *"abcd")
    begun = Begun(NOBODY, EVERYBODY, claimed.epoch, world.clock.now())
    [ref] = await died(world, claimed, (), begun)
    assert (ref.batch, ref.size) == (claimed.batch, 4)
    [again] = await claim(world, ref)
    halves = await died(world, again, (), begun)
    assert [half.size for half in halves] == [2, 2]
    assert [half.deaths for half in await claim(world, *halves)] == [0, 0]
    assert await states(world, message) == {State.SENDING: 4}


@poisoning
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


@poisoning
async def a_death_after_the_last_hand_over_harms_nobody(world: World) -> None:
    message, claimed = await started(world, *"abcd")
    part = replace(await next_part(world, claimed, NOBODY, 3), through=EVERYBODY)
    assert await died(world, claimed, [part]) == []
    assert await states(world, message) == {State.DELIVERED: 4}


@poisoning
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


@poisoning
async def a_half_does_not_record_again_what_its_batch_did(world: World) -> None:
    await join(world, "ada", "bob", "cleo", "dan")
    message = await publish(world)
    [ref] = await plan(world)
    [first] = await claim(world, ref)
    [part] = await world.batches.hand_over([first], NOBODY, 4, world.clock.now())
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
