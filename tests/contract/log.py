"""What every DeliveryLog answers to questions."""

import pytest

from notefly.domain.delivery import Reason, State
from notefly.domain.errors import Invalid, NotFound
from notefly.domain.ids import (
    BatchKey,
    DeliveryId,
    MessageId,
    SubscriberId,
    SubscriberKey,
    delivery_id,
)
from notefly.domain.log import DeliveryFilter, LoggedDelivery
from notefly.domain.message import Content
from notefly.domain.outcome import Verdict
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    REFUSED,
    claim,
    finish,
    join,
    logged,
    plan,
    profile,
    publish,
    retry,
    sms,
    started,
)
from tests.support.world import World

log = Suite()
EXHAUSTED = Verdict(State.DEAD, Reason.EXHAUSTED, "five times")
UNKNOWN = MessageId("0192f0c1-2b3c-7d4e-8f50-617283940516")


async def everything(world: World) -> list[LoggedDelivery]:
    """Deliveries in every state there is: three messages, two categories, two channels."""
    await world.subscribers.add(
        [profile(name, "sports movies", "sms email") for name in "abcdefgh"], world.clock.now()
    )
    await publish(world)
    refs = await plan(world, size=4)
    for n, claimed in enumerate(await claim(world, *refs)):
        keys = [
            person.subscriber
            for person in (
                await world.batches.hand_over([claimed], SubscriberKey(0), 9, world.clock.now())
            )[0].recipients
        ]
        due = world.clock.now().replace(minute=n)
        verdicts = {keys[0]: REFUSED, keys[1]: retry(due), keys[2]: EXHAUSTED}
        await finish(world, claimed, DELIVERED, verdicts)
    world.clock.advance(60)
    await publish(world, Content("movies", "Trailer"))
    refs = await plan(world, size=3)
    await world.subscribers.put(profile("c", "sports", "sms"), world.clock.now())
    first, second = await claim(world, refs[0], refs[3])
    [part] = await world.batches.hand_over([first], SubscriberKey(0), 9, world.clock.now())
    await finish(world, first, DELIVERED, epoch=part.epoch)
    await finish(world, second, retry(world.clock.now().replace(hour=13)))
    await claim(world, refs[1])
    world.clock.advance(60)
    await publish(world)
    await plan(world, size=5)
    return await logged(world)


def fits(line: LoggedDelivery, wanted: DeliveryFilter, accepted: dict[MessageId, int]) -> bool:
    """The same in plain Python; messages are a minute apart."""
    return (
        wanted.message in (None, line.message_id)
        and wanted.subscriber in (None, line.subscriber_id)
        and wanted.category in (None, line.category)
        and wanted.channel in (None, line.channel)
        and wanted.state in (None, line.state)
        and wanted.reason in (None, line.reason)
        and (wanted.since is None or accepted[line.message_id] >= wanted.since.minute)
        and (wanted.until is None or accepted[line.message_id] < wanted.until.minute)
    )


@log
async def newest_message_first_then_channel_and_subscriber(world: World) -> None:
    lines = await everything(world)
    assert len(lines) == 3 * 2 * 8 - 1
    assert {line.state for line in lines} == set(State)
    order = [(line.message_id, line.channel, line.subscriber_key) for line in lines]
    channels = list(dict.fromkeys(line.channel for line in lines))
    assert order == sorted(
        order, key=lambda k: (-int(k[0].replace("-", ""), 16), channels.index(k[1]), k[2])
    )
    assert len(set(order)) == len(order)
    for line in lines:
        assert line.id == delivery_id(line.message_id, line.channel, line.subscriber_key)


@log
async def every_filter_gives_what_fits_on_pages_of_any_size(world: World) -> None:
    lines = await everything(world)
    newest, middle, oldest = dict.fromkeys(line.message_id for line in lines)
    accepted = {oldest: 0, middle: 1, newest: 2}
    noon = world.clock.now().replace(minute=0)
    filters = [
        DeliveryFilter(message=middle),
        DeliveryFilter(message=UNKNOWN),
        DeliveryFilter(subscriber=SubscriberId("c")),
        DeliveryFilter(subscriber=SubscriberId("nobody")),
        DeliveryFilter(category="movies"),
        DeliveryFilter(category="finance"),
        DeliveryFilter(category="never used"),
        DeliveryFilter(channel="email"),
        DeliveryFilter(channel="never used"),
        *(DeliveryFilter(state=state) for state in State),
        *(DeliveryFilter(state=state, channel="sms", category="sports") for state in State),
        *(DeliveryFilter(state=state, subscriber=SubscriberId("b")) for state in State),
        *(DeliveryFilter(state=state, message=oldest) for state in State),
        *(DeliveryFilter(reason=reason) for reason in Reason),
        *(DeliveryFilter(state=State.DEAD, reason=reason) for reason in Reason),
        *(DeliveryFilter(state=state, reason=Reason.REFUSED) for state in State),
        DeliveryFilter(since=noon.replace(minute=1)),
        DeliveryFilter(until=noon.replace(minute=1)),
        DeliveryFilter(since=noon.replace(minute=1), until=noon.replace(minute=2)),
        DeliveryFilter(since=noon.replace(minute=3)),
        DeliveryFilter(until=noon),
        DeliveryFilter(message=middle, channel="sms", subscriber=SubscriberId("d")),
        DeliveryFilter(subscriber=SubscriberId("a"), until=noon.replace(minute=1)),
        DeliveryFilter(message=middle, since=noon.replace(minute=2)),
    ]
    for wanted in filters:
        fitting = [line for line in lines if fits(line, wanted, accepted)]
        for limit in (1, 3, 100):
            assert await logged(world, wanted, limit) == fitting, (wanted, limit)


@log
async def a_page_can_be_gone_on_with_after_changes(world: World) -> None:
    lines = await everything(world)
    first = await world.deliveries.query(DeliveryFilter(), 10, None)
    await publish(world)
    await plan(world)
    for claimed in await claim(world, *await world.batches.unfinished(BatchKey(0), 50)):
        await finish(world, claimed, DELIVERED)
    rest: list[LoggedDelivery] = []
    cursor = first.next
    while cursor:
        page = await world.deliveries.query(DeliveryFilter(), 10, cursor)
        rest += page.items
        cursor = page.next
    assert [line.id for line in (*first.items, *rest)] == [line.id for line in lines]


@log
async def a_foreign_cursor_is_refused(world: World) -> None:
    for cursor in ("nonsense", "ä", "AAAAAAAAAAE"):
        with pytest.raises(Invalid):
            await world.deliveries.query(DeliveryFilter(), 5, cursor)


@log
async def a_delivery_is_in_the_log_before_it_is_planned(world: World) -> None:
    [ada] = await join(world, "ada")
    message = await publish(world)
    [line] = await logged(world)
    assert (line.id, line.state, line.attempts) == (sms(message, ada), State.PENDING, 0)
    assert (line.updated_at, line.address, line.round) == (world.clock.now(), "+1-ada", 1)


@log
async def what_is_not_there_is_none(world: World) -> None:
    [ada] = await join(world, "ada")
    message = await publish(world)
    for missing in (
        sms(message, SubscriberKey(ada + 1)),
        sms(UNKNOWN, ada),
        delivery_id(message, "email", ada),
        delivery_id(message, "pigeon", ada),
    ):
        assert await world.deliveries.get(missing) is None
    for shapeless in ("", "x", f"{message}.sms.0", f"{message}.sms", f"{message}.SMS.1"):
        with pytest.raises(NotFound):
            await world.deliveries.get(DeliveryId(shapeless))


@log
async def a_story_tells_every_try(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    ada, bob = [line.subscriber_key for line in await logged(world)]
    begun = world.clock.now()
    due = world.clock.advance(3)
    [ref] = (await finish(world, claimed, DELIVERED, {bob: retry(due, "busy")})).refs
    [again] = await claim(world, ref, worker="w2")
    world.clock.advance(4)
    await finish(world, again, REFUSED._replace(detail="number unknown"))
    story = await world.deliveries.get(sms(message, bob))
    assert story is not None
    assert (story.delivery.subscriber_name, story.message.id) == ("Bob", message)
    assert (story.delivery.state, story.delivery.attempts) == (State.DEAD, 2)
    assert (story.delivery.detail, list(story.rounds)) == ("number unknown", [])
    first, second = story.attempts
    assert (first.number, first.worker, first.claimed_at, first.ended_at) == (1, "w1", begun, due)
    assert (second.number, second.worker, second.claimed_at) == (2, "w2", due)
    assert (second.ending, second.ended_at) == ("finished", world.clock.now())
    other = await world.deliveries.get(sms(message, ada))
    assert other is not None
    assert [attempt.number for attempt in other.attempts] == [1]
