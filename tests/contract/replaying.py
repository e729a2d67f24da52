"""What every DeliveryLog does with dead letters."""

import pytest

from notefly.domain.batch import NOBODY
from notefly.domain.delivery import MessageState, Reason, State
from notefly.domain.errors import Conflict, NotFound
from notefly.domain.ids import DeliveryId, MessageId, SubscriberId, SubscriberKey
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from tests.contract.log import EXHAUSTED, UNKNOWN
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    REFUSED,
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

replaying = Suite()
ALL = DeliveryFilter(state=State.DEAD)


async def dead(world: World, *names: str) -> tuple[MessageId, list[SubscriberKey]]:
    """A message that was refused for everybody."""
    message, claimed = await started(world, *names)
    await finish(world, claimed, REFUSED)
    found = await logged(world, DeliveryFilter(message=message))
    return message, [one.subscriber_key for one in found]


@replaying
async def one_gets_another_round(world: World) -> None:
    message, [ada, bob] = await dead(world, "ada", "bob")
    ended = world.clock.now()
    world.clock.advance(60)
    [ref] = await world.deliveries.replay_one(sms(message, ada), None, world.clock.now())
    assert (ref.channel, ref.size, ref.due_at) == ("sms", 1, None)
    assert await states(world, message) == {State.PENDING: 1, State.DEAD: 1}
    assert (await status(world, message)).state is MessageState.DELIVERING
    waiting = await line(world, message, ada)
    assert (waiting.round, waiting.attempts, waiting.reason) == (2, 1, None)
    [again] = await claim(world, ref)
    assert (again.number, again.spent, again.size) == (2, 1, 1)
    assert await states(world, message) == {State.SENDING: 1, State.DEAD: 1}
    await finish(world, again, DELIVERED)
    assert await states(world, message) == {State.DELIVERED: 1, State.DEAD: 1}
    story = await world.deliveries.get(sms(message, ada))
    assert story is not None
    assert [attempt.number for attempt in story.attempts] == [1, 2]
    [earlier] = story.rounds
    assert (earlier.round, earlier.state, earlier.reason) == (1, State.DEAD, Reason.REFUSED)
    assert (earlier.detail, earlier.ended_at) == ("no such person", ended)
    assert (await line(world, message, bob)).round == 1


@replaying
async def rounds_and_numbers_go_on(world: World) -> None:
    message, [ada] = await dead(world, "ada")
    for n in (2, 3):
        [ref] = await world.deliveries.replay_one(sms(message, ada), None, world.clock.now())
        [again] = await claim(world, ref)
        assert again.number == n
        await finish(world, again, EXHAUSTED)
    found = await line(world, message, ada)
    assert (found.round, found.attempts, found.reason) == (3, 3, Reason.EXHAUSTED)
    story = await world.deliveries.get(found.id)
    assert story is not None
    assert [one.round for one in story.rounds] == [1, 2]
    assert [one.reason for one in story.rounds] == [Reason.REFUSED, Reason.EXHAUSTED]
    assert await states(world, message) == {State.DEAD: 1}


@replaying
async def only_what_is_dead_can_be_replayed(world: World) -> None:
    [ada] = await join(world, "ada")
    message = await publish(world)
    delivery = sms(message, ada)
    with pytest.raises(Conflict):
        await world.deliveries.replay_one(delivery, None, world.clock.now())
    [ref] = await plan(world)
    with pytest.raises(Conflict):
        await world.deliveries.replay_one(delivery, None, world.clock.now())
    [claimed] = await claim(world, ref)
    with pytest.raises(Conflict):
        await world.deliveries.replay_one(delivery, None, world.clock.now())
    await finish(world, claimed, DELIVERED)
    with pytest.raises(Conflict):
        await world.deliveries.replay_one(delivery, None, world.clock.now())
    for missing in (sms(message, SubscriberKey(ada + 1)), sms(UNKNOWN, ada), DeliveryId("x")):
        with pytest.raises(NotFound):
            await world.deliveries.replay_one(missing, None, world.clock.now())


@replaying
async def what_expired_needs_a_new_end(world: World) -> None:
    await join(world, "ada", "bob")
    ten_past = world.clock.now().replace(minute=10)
    message = await publish(world, Content("sports", "Soon", expires_at=ten_past))
    await claim(world, *await plan(world, size=1))
    world.clock.advance(600)
    await world.batches.take_over(world.clock.now())
    refs = await world.batches.unfinished(0, 9)  # type: ignore[arg-type]
    assert await claim(world, *refs) == []
    [ada, bob] = [one.subscriber_key for one in await logged(world)]
    at = world.clock.now()
    with pytest.raises(Conflict):
        await world.deliveries.replay_one(sms(message, ada), None, at)
    assert await world.deliveries.replay(ALL, 10, None, at) == (0, [])
    assert await world.deliveries.count_dead(ALL) == 2
    later = at.replace(minute=30)
    [ref] = await world.deliveries.replay_one(sms(message, ada), later, at)
    [again] = await claim(world, ref)
    assert again.message.content.expires_at == later
    assert not (await world.batches.hand_over([again], NOBODY, 1, at))[0].stopped
    await finish(world, again, DELIVERED)
    opened, [ref] = await world.deliveries.replay(ALL, 10, later, at)
    assert opened == 1
    world.clock.advance(3_600)
    assert await claim(world, ref) == []
    assert (await line(world, message, bob)).reason is Reason.EXPIRED
    assert await states(world, message) == {State.DELIVERED: 1, State.DEAD: 1}


@replaying
async def who_unsubscribed_is_cancelled(world: World) -> None:
    message, [ada, bob] = await dead(world, "ada", "bob")
    await world.subscribers.put(profile("ada", "movies"), world.clock.now())
    await world.subscribers.put(profile("ada"), world.clock.now())
    opened, refs = await world.deliveries.replay(ALL, 10, None, world.clock.now())
    assert opened == 2
    for again in await claim(world, *refs):
        [part] = await world.batches.hand_over([again], NOBODY, 10, world.clock.now())
        assert [person.subscriber for person in part.recipients] == [bob]
        await finish(world, again, DELIVERED, epoch=part.epoch)
    assert await states(world, message) == {State.DELIVERED: 1, State.CANCELLED: 1}
    assert (await line(world, message, ada)).reason is Reason.UNSUBSCRIBED


@replaying
async def many_are_replayed_some_at_a_time(world: World) -> None:
    message, keys = await dead(world, *"abcde")
    sizes = []
    while True:
        opened, refs = await world.deliveries.replay(ALL, 2, None, world.clock.now())
        assert sum(ref.size for ref in refs) == opened
        if not opened:
            break
        sizes.append(opened)
        for again in await claim(world, *refs):
            await finish(world, again, DELIVERED)
    assert sizes == [2, 2, 1]
    assert await states(world, message) == {State.DELIVERED: len(keys)}


@replaying
async def retries_of_a_round_and_its_poison(world: World) -> None:
    message, [ada, bob] = await dead(world, "ada", "bob")
    _, refs = await world.deliveries.replay(ALL, 10, None, world.clock.now())
    [again] = await claim(world, *refs)
    waiting = {ada: retry(world.clock.now())}
    [ref] = (await finish(world, again, DELIVERED, waiting)).refs
    assert (await line(world, message, ada)).round == 2
    [third] = await claim(world, ref)
    assert (third.number, third.spent) == (3, 2)
    [ref] = await died(world, third)
    [fourth] = await claim(world, ref)
    assert await died(world, fourth) == []
    found = await line(world, message, ada)
    assert (found.reason, found.attempts, found.round) == (Reason.POISON, 4, 2)
    assert (await line(world, message, bob)).state is State.DELIVERED
    assert await states(world, message) == {State.DELIVERED: 1, State.DEAD: 1}


@replaying
async def a_replay_can_be_stopped_but_not_what_has_ended(world: World) -> None:
    message, [ada] = await dead(world, "ada")
    assert await world.messages.cancel(message, world.clock.now())
    assert (await status(world, message)).cancelled_at is None
    refs = await world.deliveries.replay_one(sms(message, ada), None, world.clock.now())
    await world.messages.cancel(message, world.clock.now())
    assert await claim(world, *refs) == []
    found = await line(world, message, ada)
    assert (found.state, found.reason, found.round) == (State.CANCELLED, Reason.STOPPED, 2)
    await states(world, message)


@replaying
async def dead_letters_are_counted_and_chosen(world: World) -> None:
    first, [ada, bob] = await dead(world, "ada", "bob")
    world.clock.advance(60)
    second = await publish(world)
    [claimed] = await claim(world, *await plan(world))
    await finish(world, claimed, EXHAUSTED, {bob: EXHAUSTED._replace(reason=Reason.EXPIRED)})
    for wanted, n in (
        (ALL, 4),
        (DeliveryFilter(message=first), 2),
        (DeliveryFilter(message=UNKNOWN), 0),
        (DeliveryFilter(subscriber=SubscriberId("bob")), 2),
        (DeliveryFilter(subscriber=SubscriberId("nobody")), 0),
        (DeliveryFilter(category="sports"), 4),
        (DeliveryFilter(category="movies"), 0),
        (DeliveryFilter(channel="sms", reason=Reason.REFUSED), 2),
        (DeliveryFilter(channel="never used"), 0),
        (DeliveryFilter(since=world.clock.now()), 2),
        (DeliveryFilter(until=world.clock.now()), 2),
    ):
        assert await world.deliveries.count_dead(wanted) == n, wanted
    groups = {group.reason: group for group in await world.deliveries.dead_groups()}
    assert {reason: group.count for reason, group in groups.items()} == {
        Reason.REFUSED: 2,
        Reason.EXHAUSTED: 1,
        Reason.EXPIRED: 1,
    }
    assert groups[Reason.EXPIRED].sample == sms(second, bob)
    assert (groups[Reason.REFUSED].channel, groups[Reason.REFUSED].detail) == (
        "sms",
        "no such person",
    )
    wanted = DeliveryFilter(reason=Reason.EXHAUSTED)
    assert (await world.deliveries.replay(wanted, 10, None, world.clock.now()))[0] == 1
    assert (await line(world, second, ada)).state is State.PENDING
