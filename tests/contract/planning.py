"""What every BatchStore does between a 202 and the first claim."""

from notefly.domain.batch import BATCH_LIMIT, BatchRef
from notefly.domain.delivery import MessageState, State
from notefly.domain.ids import BatchKey, SubscriberId
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from tests.support.checks import Suite
from tests.support.story import ENDLESS, join, logged, plan, profile, publish, states, status
from tests.support.world import World

planning = Suite()


async def steps(world: World, size: int) -> list[list[BatchRef]]:
    """One step at a time: no seconds at all are a single batch."""
    made = []
    for _ in range(ENDLESS):
        planned = await world.batches.plan(dict.fromkeys(("sms", "email", "push"), size), 0.0)
        made.append(list(planned.refs))
        if not planned.more:
            return made
    raise AssertionError("planning does not end")


async def unfinished(world: World, limit: int = 100) -> list[BatchRef]:
    """All pages."""
    refs: list[BatchRef] = []
    while found := await world.batches.unfinished(refs[-1].batch if refs else BatchKey(0), limit):
        refs += found
    return refs


@planning
async def an_empty_audience_is_planned_at_once(world: World) -> None:
    message = await publish(world)
    assert await plan(world) == []
    found = await status(world, message)
    assert (found.state, found.total, found.by_channel) == (MessageState.DONE, 0, {})
    assert found.batches == 0


@planning
async def the_audience_is_cut_into_batches(world: World) -> None:
    await join(world, *(f"p{n}" for n in range(7)))
    message = await publish(world)
    refs = await plan(world, size=3)
    assert [(ref.channel, ref.size) for ref in refs] == [("sms", 3), ("sms", 3), ("sms", 1)]
    assert {ref.due_at for ref in refs} == {None}
    assert await states(world, message) == {State.PENDING: 7}
    assert (await status(world, message)).batches == 3


@planning
async def a_full_last_batch_leaves_no_empty_one(world: World) -> None:
    await join(world, *(f"p{n}" for n in range(6)))
    await publish(world)
    assert [ref.size for ref in await plan(world, size=3)] == [3, 3]


@planning
async def every_channel_has_batches_of_its_own(world: World) -> None:
    await world.subscribers.add(
        [
            profile("ada", channels="sms email push"),
            profile("bob", channels="email"),
            profile("cleo", "movies sports", "sms", {"sports": "push"}),
            profile("dan", "movies", "sms", {"sports": "push"}),
        ],
        world.clock.now(),
    )
    message = await publish(world)
    sizes = {ref.channel: ref.size for ref in await plan(world)}
    assert sizes == {"sms": 1, "email": 2, "push": 2}
    assert (await status(world, message)).total == 5


@planning
async def a_batch_is_made_once(world: World) -> None:
    await join(world, "ada", "bob")
    message = await publish(world)
    assert len(await plan(world)) == 1
    await world.subscribers.put(profile("cleo"), world.clock.now())
    assert await plan(world) == []
    assert (await status(world, message)).total == 2


@planning
async def what_came_after_acceptance_does_not_count(world: World) -> None:
    await join(world, "ada", "bob")
    message = await publish(world)
    at = world.clock.now()
    await world.subscribers.put(profile("ada", "movies"), at)
    await world.subscribers.put(profile("bob", "movies"), at)
    await world.subscribers.put(profile("bob"), at)
    await join(world, "cleo")
    assert [ref.size for ref in await plan(world)] == [2]
    names = [found.subscriber_id for found in await logged(world, DeliveryFilter(message=message))]
    assert names == ["ada", "bob"]


@planning
async def messages_take_turns(world: World) -> None:
    await join(world, *(f"p{n}" for n in range(4)))
    large = await publish(world)
    await world.subscribers.put(profile("fan", "movies"), world.clock.now())
    small = await publish(world, Content("movies", "Trailer"))
    keys = {
        found.message.key: found.message.id
        for found in (await status(world, large), await status(world, small))
    }
    order = [keys[ref.message] for step in await steps(world, size=1) for ref in step]
    assert order.index(small) == 1
    assert sorted(order) == sorted([large] * 4 + [small])


@planning
async def a_large_message_is_under_way_while_it_is_planned(world: World) -> None:
    await join(world, *(f"p{n}" for n in range(4)))
    message = await publish(world)
    await world.batches.plan({"sms": 2}, 0.0)
    found = await status(world, message)
    assert (found.state, found.total, found.batches) == (MessageState.DELIVERING, None, None)
    await plan(world, size=2)
    assert (await status(world, message)).total == 4


@planning
async def a_test_message_is_for_one(world: World) -> None:
    await join(world, "ada", "bob", "cleo", channels="sms email")
    message = await publish(world, Content("sports", "A test", only=SubscriberId("bob")))
    assert sorted((ref.channel, ref.size) for ref in await plan(world, 1)) == [
        ("email", 1),
        ("sms", 1),
    ]
    found = await logged(world, DeliveryFilter(message=message))
    assert [line.subscriber_id for line in found] == ["bob", "bob"]
    elsewhere = await publish(world, Content("movies", "A test", only=SubscriberId("bob")))
    assert await plan(world) == []
    assert (await status(world, elsewhere)).total == 0


@planning
async def a_channel_without_a_size_gets_the_largest(world: World) -> None:
    await join(world, "ada", "bob", channels="push")
    await publish(world)
    planned = await world.batches.plan({"sms": 1}, 1.0)
    assert [(ref.channel, ref.size) for ref in planned.refs] == [("push", 2)]
    assert BATCH_LIMIT == 1_000


@planning
async def what_is_unfinished_can_be_offered_again(world: World) -> None:
    await join(world, *(f"p{n}" for n in range(5)), channels="sms email")
    for _ in range(2):
        await publish(world)
    refs = sorted(await plan(world, size=2), key=lambda ref: (ref.message, ref.batch))
    for limit in (1, 2, 100):
        assert await unfinished(world, limit) == refs
