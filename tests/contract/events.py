"""What every EventLog, Figures and ChannelControl does."""

import asyncio
from datetime import timedelta

from notefly.domain.batch import NOBODY, Ending, Report
from notefly.domain.delivery import State
from notefly.domain.ids import SubscriberId
from notefly.domain.log import ChannelFigures, DeliveryFilter, Event
from tests.contract.recording import next_part
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    REFUSED,
    claim,
    died,
    finish,
    join,
    logged,
    plan,
    profile,
    publish,
    retry,
    sms,
    started,
    states,
)
from tests.support.world import World

events = Suite()
figures = Suite()


async def told(world: World, after: int = 0) -> list[Event]:
    found = await world.events.read(after, 100)
    assert found is not None
    ids = [event.id for event in found]
    assert ids == sorted(set(ids))
    return list(found)


async def facts(world: World, after: int = 0) -> set[tuple[State, int]]:
    return {(event.state, event.count) for event in await told(world, after)}


@events
async def what_was_recorded_is_told(world: World) -> None:
    assert await world.events.last() == 0
    message, claimed = await started(world, *"abcd")
    assert await told(world) == []
    keys = [one.subscriber_key for one in await logged(world)]
    await finish(world, claimed, DELIVERED, {keys[0]: REFUSED, keys[3]: retry(world.clock.now())})
    assert await facts(world) == {(State.DELIVERED, 2), (State.DEAD, 1), (State.RETRYING, 1)}
    for event in await told(world):
        assert (event.message, event.category, event.channel) == (message, "sports", "sms")
        assert event.at == world.clock.now()
        assert event.delivery is None
    assert await world.events.last() == (await told(world))[-1].id


@events
async def one_alone_is_named(world: World) -> None:
    message, claimed = await started(world, "ada")
    [ada] = [one.subscriber_key for one in await logged(world)]
    await finish(world, claimed, REFUSED)
    [event] = await told(world)
    assert (event.delivery, event.subscriber) == (sms(message, ada), SubscriberId("ada"))
    await world.subscribers.erase(SubscriberId("ada"), world.clock.now())
    [event] = await told(world)
    assert (event.delivery, event.subscriber) == (sms(message, ada), None)


@events
async def who_is_left_alone_in_a_batch_is_the_one_named(world: World) -> None:
    message, claimed = await started(world, "ada", "bob", "cleo")
    ada, bob, cleo = [one.subscriber_key for one in await logged(world)]
    due = world.clock.now()
    [ref] = (await finish(world, claimed, retry(due), {bob: DELIVERED, cleo: DELIVERED})).refs
    seen = await world.events.last()
    [again] = await claim(world, ref)
    await finish(world, again, retry(due))
    [event] = await told(world, seen)
    assert (event.state, event.count) == (State.RETRYING, 1)
    assert event.delivery == sms(message, ada)


@events
async def one_that_is_closed_alone_is_named(world: World) -> None:
    message, claimed = await started(world, "ada")
    [ada] = [one.subscriber_key for one in await logged(world)]
    await world.subscribers.put(profile("ada", "movies"), world.clock.now())
    [part] = await world.batches.hand_over([claimed], NOBODY, 1, world.clock.now())
    await finish(world, claimed, DELIVERED, epoch=part.epoch)
    [event] = await told(world)
    assert (event.state, event.count, event.delivery) == (State.CANCELLED, 1, sms(message, ada))


@events
async def parts_and_burials_are_told(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    part = await next_part(world, claimed, NOBODY, 1)
    [ref] = (
        await world.batches.finish([Report(claimed, Ending.RELEASED, world.clock.now(), [part])])
    ).refs
    seen = await world.events.last()
    for _ in range(2):
        [again] = await claim(world, ref)
        await died(world, again)
    [event] = await told(world, seen)
    assert (event.state, event.count) == (State.DEAD, 1)
    assert event.delivery == (await logged(world))[1].id
    assert event.message == message


@events
async def a_stop_is_told(world: World) -> None:
    await join(world, "ada", "bob")
    message = await publish(world)
    refs = await plan(world)
    await world.messages.cancel(message, world.clock.now())
    await claim(world, *refs)
    assert await facts(world) == {(State.CANCELLED, 2)}


@events
async def it_can_be_gone_on_with(world: World) -> None:
    await join(world, *"abc")
    await publish(world)
    for claimed in await claim(world, *await plan(world, size=1)):
        await finish(world, claimed, DELIVERED)
    every = await told(world)
    assert len(every) == 3
    assert await world.events.read(every[0].id, 1) == every[1:2]
    assert await told(world, every[2].id) == []
    assert await world.events.read(every[2].id + 1, 10) is None


@events
async def what_is_not_kept_is_owned_up_to(world: World) -> None:
    _, claimed = await started(world, "ada")
    await finish(world, claimed, DELIVERED)
    newest = await world.events.last()
    world.clock.advance(1_800)
    await world.events.forget(world.clock.now())
    assert len(await told(world)) == 1
    world.clock.advance(timedelta(hours=1).total_seconds())
    await world.events.forget(world.clock.now())
    assert await world.events.last() == newest
    assert await world.events.read(newest, 10) == []
    assert await world.events.read(newest - 1, 10) is None
    await publish(world)
    [claimed] = await claim(world, *await plan(world))
    await finish(world, claimed, DELIVERED)
    assert await facts(world, newest) == {(State.DELIVERED, 1)}
    assert await world.events.read(newest - 1, 10) is None


@events
async def watchers_are_woken_by_commits(world: World) -> None:
    watch = world.events.watch()
    async with asyncio.timeout(5):
        await anext(watch)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        assert not waiting.done()
        await publish(world)
        await waiting
    await watch.aclose()  # type: ignore[attr-defined]


@figures
async def counts_follow_the_record(world: World) -> None:
    assert (await world.figures.messages(), await world.figures.subscribers()) == (0, 0)
    message, claimed = await started(world, *"abcd")
    keys = [one.subscriber_key for one in await logged(world)]
    await world.subscribers.put(profile("d", "movies"), world.clock.now())
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    await finish(world, claimed, DELIVERED, {keys[0]: REFUSED}, epoch=part.epoch)
    await world.subscribers.erase(SubscriberId("c"), world.clock.now())
    assert await world.figures.messages() == 1
    assert await world.figures.subscribers() == 3
    assert await world.figures.subscribers_ever() == 4
    ended = {state: n for (_, state), n in (await world.figures.deliveries()).items()}
    assert ended == await states(world, message)
    assert {channel for channel, _ in await world.figures.deliveries()} == {"sms"}
    _, refs = await world.deliveries.replay(DeliveryFilter(), 10, None, world.clock.now())
    [again] = await claim(world, *refs)
    await finish(world, again, REFUSED)
    assert (await world.figures.deliveries())["sms", State.DEAD] == 2


@figures
async def a_batch_counts_once_whatever_happened_to_it(world: World) -> None:
    """A retry that was given back is ready again, and a retry still."""
    await join(world, "ada")
    began = world.clock.now()
    await publish(world)
    [first] = await claim(world, *await plan(world))
    [waits] = (await finish(world, first, retry(world.clock.advance(10)))).refs
    world.clock.advance(20)
    [second] = await claim(world, waits)
    await world.batches.finish([Report(second, Ending.RELEASED, world.clock.now())])
    told = {one.channel: one for one in await world.figures.channels()}["sms"]
    assert (told.ready, told.in_flight, told.retrying, told.oldest_at) == (0, 0, 1, began)


@figures
async def the_queue_is_told_by_channel(world: World) -> None:
    await join(world, *"abcdef", channels="sms email")
    began = world.clock.now()
    await publish(world)
    refs = [ref for ref in await plan(world, size=2) if ref.channel == "sms"]
    first, second = await claim(world, *refs[:2])
    await finish(world, first, retry(began.replace(hour=13)))
    world.clock.advance(60)
    await publish(world)
    by_channel = {one.channel: one for one in await world.figures.channels()}
    assert set(by_channel) == {"sms", "email", "push"}
    assert by_channel["sms"] == ChannelFigures("sms", paused=False, ready=1, in_flight=1,
        retrying=1, deliveries_open=6, oldest_at=began)  # fmt: skip
    assert by_channel["push"] == ChannelFigures("push", paused=False, ready=0, in_flight=0,
        retrying=0, deliveries_open=0, oldest_at=None)  # fmt: skip
    await finish(world, second, DELIVERED)
    by_channel = {one.channel: one for one in await world.figures.channels()}
    assert (by_channel["sms"].in_flight, by_channel["sms"].deliveries_open) == (0, 4)


@figures
async def pauses_are_kept(world: World) -> None:
    assert await world.control.paused() == frozenset()
    await world.control.pause("sms")
    await world.control.pause("sms")
    await world.control.pause("push")
    assert await world.control.paused() == {"sms", "push"}
    assert [one.channel for one in await world.figures.channels() if one.paused] == ["sms", "push"]
    await world.control.resume("sms")
    assert await world.control.paused() == {"push"}
