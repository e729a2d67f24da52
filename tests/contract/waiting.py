"""What every Backlog does."""

from dataclasses import replace

from notefly.domain.batch import NOBODY
from notefly.domain.errors import Invalid
from notefly.domain.ids import SubscriberId
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
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
    publication,
    publish,
    retry,
    started,
)
from tests.support.world import World

waiting = Suite()


@waiting
async def an_unplanned_message_is_one_then_its_deliveries(world: World) -> None:
    await join(world, *"abc", channels="sms email")
    assert world.backlog.waiting() == 0
    await publish(world)
    await world.messages.accept(publication(world, *[Content("movies", "x")] * 4))
    assert world.backlog.waiting() == 5
    await plan(world, size=2)
    assert world.backlog.waiting() == 6


@waiting
async def what_was_accepted_before_waits_once(world: World) -> None:
    for _ in range(2):
        await world.messages.accept(publication(world, Content("movies", "x"), key="k"))
    assert world.backlog.waiting() == 1


@waiting
async def what_is_refused_does_not_wait(world: World) -> None:
    nobody = SubscriberId("nobody")
    wrong = [Content("sports", "x"), Content("sports", "x", only=nobody)]
    try:
        await world.messages.accept(publication(world, *wrong))
    except Invalid:
        pass
    else:
        raise AssertionError("a test for nobody was accepted")
    assert world.backlog.waiting() == 0


@waiting
async def whoever_ended_waits_no_more(world: World) -> None:
    _, claimed = await started(world, *"abcde")
    keys = [one.subscriber_key for one in await logged(world)]
    assert world.backlog.waiting() == 5
    later = retry(world.clock.now().replace(hour=13))
    await finish(world, claimed, DELIVERED, {keys[0]: REFUSED, keys[1]: later, keys[2]: later})
    assert world.backlog.waiting() == 2
    _, refs = await world.deliveries.replay(DeliveryFilter(), 10, None, world.clock.now())
    assert world.backlog.waiting() == 3
    [again] = await claim(world, *refs)
    await finish(world, again, DELIVERED)
    assert world.backlog.waiting() == 2


@waiting
async def whoever_left_or_was_stopped_waits_no_more(world: World) -> None:
    message, claimed = await started(world, *"abcd")
    await world.subscribers.erase(SubscriberId("b"), world.clock.now())
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    await finish(world, claimed, DELIVERED, epoch=part.epoch)
    assert world.backlog.waiting() == 0
    message = await publish(world)
    await plan(world)
    assert world.backlog.waiting() == 3
    await world.messages.cancel(message, world.clock.now())
    await world.batches.stop(world.clock.now(), 10)
    assert world.backlog.waiting() == 0


@waiting
async def splitting_changes_nothing_and_burying_does(world: World) -> None:
    _, claimed = await started(world, *"ab")
    refs = await died(world, claimed)
    while refs:
        assert world.backlog.waiting() > 0
        first, *others = refs
        [claimed] = await claim(world, first)
        refs = [*others, *await died(world, replace(claimed))]
    assert world.backlog.waiting() == 0
