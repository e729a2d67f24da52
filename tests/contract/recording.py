"""What every BatchStore does with outcomes: a delivery ends once, in one commit with its batch."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime

from notefly.domain.batch import NOBODY, Claim, Ending, Handed, Recipient, Report
from notefly.domain.delivery import MessageState, Reason, State
from notefly.domain.ids import SubscriberId, SubscriberKey
from notefly.domain.log import DeliveryFilter
from notefly.domain.outcome import Verdict
from notefly.ports.batch_store import Slice
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    REFUSED,
    claim,
    finish,
    handed,
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

recording = Suite()


async def next_part(world: World, claimed: Claim, after: SubscriberKey, limit: int) -> Handed:
    """A hand-over of so many, all delivered."""
    [part] = await world.batches.hand_over([claimed], after, limit, world.clock.now())
    return Handed(
        part.after,
        part.through,
        part.epoch,
        world.clock.now(),
        DELIVERED,
        len(part.recipients),
    )


@recording
async def one_outcome_for_all(world: World) -> None:
    message, claimed = await started(world, "ada", "bob", "cleo")
    begun = world.clock.now()
    world.clock.advance(2)
    await finish(world, claimed, DELIVERED._replace(detail="written"))
    assert await states(world, message) == {State.DELIVERED: 3}
    assert (await status(world, message)).state is MessageState.DONE
    for found in await logged(world):
        assert (found.detail, found.attempts, found.updated_at) == (
            "written",
            1,
            world.clock.now(),
        )
    story = await world.deliveries.get((await logged(world))[0].id)
    assert story is not None
    [attempt] = story.attempts
    assert (attempt.claimed_at, attempt.started_at) == (begun, world.clock.now())
    assert (attempt.ending, attempt.ended_at) == ("finished", world.clock.now())


@recording
async def those_recorded_together_keep_their_own_times(world: World) -> None:
    """Each was called for itself, though all had the same outcome."""
    [ada] = await join(world, "ada")
    messages = [await publish(world) for _ in range(3)]
    reports, times = [], []
    for claimed in await claim(world, *await plan(world)):
        whole = handed(world, claimed, DELIVERED)
        times.append((whole.started_at, world.clock.advance(1)))
        reports.append(Report(claimed, Ending.FINISHED, world.clock.now(), [whole]))
    await world.batches.finish(reports)
    for message, (started_at, ended_at) in zip(messages, times, strict=True):
        found = await line(world, message, ada)
        assert (found.state, found.updated_at) == (State.DELIVERED, ended_at)
        story = await world.deliveries.get(found.id)
        assert story is not None
        [attempt] = story.attempts
        assert (attempt.started_at, attempt.ended_at) == (started_at, ended_at)
    told = await world.events.read(0, 100) or ()
    assert [event.at for event in told] == [ended_at for _, ended_at in times]


@recording
async def exceptions_have_their_own(world: World) -> None:
    message, claimed = await started(world, "ada", "bob", "cleo", "dan")
    ada, bob, cleo, dan = [found.subscriber_key for found in await logged(world)]
    due = world.clock.advance(9)
    expired = Verdict(State.DEAD, Reason.EXPIRED, "too late")
    done = await finish(world, claimed, DELIVERED, {bob: REFUSED, cleo: retry(due), dan: expired})
    assert [(ref.size, ref.due_at, ref.channel) for ref in done.refs] == [(1, due, "sms")]
    assert await states(world, message) == {State.DELIVERED: 1, State.RETRYING: 1, State.DEAD: 2}
    assert (await line(world, message, ada)).reason is None
    refused = await line(world, message, bob)
    assert (refused.reason, refused.detail) == (Reason.REFUSED, "no such person")
    waiting = await line(world, message, cleo)
    assert (waiting.detail, waiting.next_try_at) == ("try later", due)
    assert (waiting.attempts, waiting.updated_at) == (1, world.clock.now())
    assert (await line(world, message, dan)).reason is Reason.EXPIRED


@recording
async def everybody_named(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    ada, bob = [found.subscriber_key for found in await logged(world)]
    named = {bob: DELIVERED._replace(detail="b-1"), ada: DELIVERED._replace(detail="a-1")}
    await finish(world, claimed, REFUSED, named)
    assert await states(world, message) == {State.DELIVERED: 2}
    assert [found.detail for found in await logged(world)] == ["a-1", "b-1"]


@recording
async def words_of_those_delivered_stand_beside_other_ends(world: World) -> None:
    message, claimed = await started(world, *"abcd")
    a, b, c, _ = [found.subscriber_key for found in await logged(world)]
    await world.subscribers.put(profile("d", "movies"), world.clock.now())
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    said, at = {c: "c-1", a: "a-1"}, world.clock.now()
    ends = Handed(NOBODY, part.through, part.epoch, at, REFUSED, 3, {b: REFUSED}, said)
    await world.batches.finish([Report(claimed, Ending.FINISHED, at, [ends])])
    assert await states(world, message) == {State.DELIVERED: 2, State.DEAD: 1, State.CANCELLED: 1}
    details = [(await line(world, message, key)).detail for key in (a, b, c)]
    assert details == ["a-1", REFUSED.detail, "c-1"]


@recording
async def a_whole_batch_waits_as_it_is(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    due = world.clock.advance(5)
    [ref] = (await finish(world, claimed, retry(due))).refs
    assert (ref.batch, ref.size) == (claimed.batch, 2)
    assert await states(world, message) == {State.RETRYING: 2}
    assert {found.next_try_at for found in await logged(world)} == {due}
    [again] = await claim(world, ref)
    assert await states(world, message) == {State.SENDING: 2}
    await finish(world, again, DELIVERED)
    assert await states(world, message) == {State.DELIVERED: 2}
    assert {found.attempts for found in await logged(world)} == {2}


@recording
async def those_who_wait_apart_have_batches_by_due_time(world: World) -> None:
    message, claimed = await started(world, *"abcdef")
    keys = [found.subscriber_key for found in await logged(world)]
    soon, late = world.clock.advance(5), world.clock.now().replace(minute=30)
    waiting = {key: retry(soon if n % 2 else late) for n, key in enumerate(keys[:5])}
    done = await finish(world, claimed, DELIVERED, waiting)
    assert sorted((ref.due_at, ref.size) for ref in done.refs if ref.due_at) == [
        (soon, 2),
        (late, 3),
    ]
    ref = min(done.refs, key=lambda ref: ref.size)
    [again] = await claim(world, ref)
    assert (again.number, again.spent) == (2, 2)
    [part] = await world.batches.hand_over([again], NOBODY, 10, world.clock.now())
    assert [person.subscriber for person in part.recipients] == [keys[1], keys[3]]
    [last] = (await finish(world, again, DELIVERED, {keys[3]: retry(late)})).refs
    world.clock.advance(3_600)
    [third] = await claim(world, last)
    assert (third.number, third.spent) == (3, 3)
    await finish(world, third, REFUSED)
    story = await world.deliveries.get(sms(message, keys[3]))
    assert story is not None
    assert [attempt.number for attempt in story.attempts] == [1, 2, 3]
    assert await states(world, message) == {State.DELIVERED: 2, State.RETRYING: 3, State.DEAD: 1}


@recording
async def parts_are_read_one_after_the_other(world: World) -> None:
    message, claimed = await started(world, *"abcde")
    first = await next_part(world, claimed, NOBODY, 2)
    second = await next_part(world, claimed, first.through, 2)
    third = await next_part(world, claimed, second.through, 2)
    assert [part.size for part in (first, second, third)] == [2, 2, 1]
    report = Report(claimed, Ending.FINISHED, world.clock.now(), [first, second, third])
    assert not (await world.batches.finish([report])).refs
    assert await states(world, message) == {State.DELIVERED: 5}


@recording
async def a_slice_says_who_and_whether_it_is_the_last(world: World) -> None:
    _, claimed = await started(world, "ada", "bob")
    at = world.clock.now()
    [whole] = await world.batches.hand_over([claimed], NOBODY, 10, at)
    assert (whole.last, whole.stopped) == (True, False)
    ada = whole.recipients[0]
    assert (ada.subscriber_id, ada.name, ada.address) == ("ada", "Ada", "+1-ada")
    [one] = await world.batches.hand_over([claimed], NOBODY, 1, at)
    assert ([person.name for person in one.recipients], one.last) == (["Ada"], False)
    [rest] = await world.batches.hand_over([claimed], one.through, 1, at)
    assert ([person.name for person in rest.recipients], rest.last) == (["Bob"], True)


async def one_by_one(world: World, claimed: Claim, now: datetime) -> list[Recipient]:
    """Everybody in it, a hand-over for each."""
    people: list[Recipient] = []
    after = NOBODY
    while True:
        [part] = await world.batches.hand_over([claimed], after, 1, now)
        people += part.recipients
        if part.last:
            return people
        after = part.through


def plain(part: Slice) -> Slice:
    """That two can be compared, however an engine keeps its people."""
    return replace(part, recipients=[*part.recipients])


@recording
async def several_are_read_together_as_one_by_one(world: World) -> None:
    """With some who left (of one: all), moved, were erased or wait; one is stopped, some too large.

    An address is whatever a channel made of it, of signs that engines may put between two as well.
    """
    await join(world, *"abcdef")
    await world.subscribers.put(profile("e", phone="+49\x1f\x1e2"), world.clock.now())
    await world.subscribers.put(profile("both", channels="sms email push"), world.clock.now())
    messages = [await publish(world) for _ in range(3)]
    claims = await claim(world, *await plan(world, 4))
    waiting = (await finish(world, claims[0], retry(world.clock.now()))).refs
    claims = [*claims[1:], *await claim(world, *waiting)]
    now = world.clock.now()
    await world.subscribers.put(profile("b", "movies"), now)
    await world.subscribers.put(profile("c", phone="+49"), now)
    await world.subscribers.put(profile("both", channels="sms email"), now)
    await world.subscribers.erase(SubscriberId("d"), now)
    await world.messages.cancel(messages[2], now)
    read = world.batches.hand_over
    for limit in (2, 1_000):
        parts = await read(claims, NOBODY, limit, now)
        alone = [(await read([one], NOBODY, limit, now))[0] for one in claims]
        assert [*map(plain, parts)] == [*map(plain, alone)]
        assert {part.stopped for part in parts} == {True, False}
        assert len({len(part.recipients) for part in parts}) > 2
        assert any(not part.recipients and not part.stopped for part in parts)
    each = [await one_by_one(world, claimed, now) for claimed in claims]
    whole = await read(claims, NOBODY, 1_000, now)
    assert [[*part.recipients] for part in whole] == each
    assert {claimed.channel for claimed in claims} == {"sms", "email", "push"}


CHANGES: Mapping[str, Callable[[World], Awaitable[object]]] = {
    "left": lambda world: world.subscribers.put(profile("bob", "movies"), world.clock.now()),
    "chose another channel": lambda world: world.subscribers.put(
        profile("bob", channels="email"), world.clock.now()
    ),
    "moved": lambda world: world.subscribers.put(profile("bob", phone="+49"), world.clock.now()),
    "was renamed": lambda world: world.subscribers.put(
        replace(profile("bob"), name="Robert"), world.clock.now()
    ),
    "was erased": lambda world: world.subscribers.erase(SubscriberId("bob"), world.clock.now()),
    "somebody came": lambda world: world.subscribers.put(profile("cleo"), world.clock.now()),
}


@recording
async def whoever_was_read_before_is_read_as_they_are_now(world: World) -> None:
    """Messages to the same people, one after another, with a change between each and the next."""
    await join(world, "ada", "bob")
    for what, change in CHANGES.items():
        await world.subscribers.put(profile("bob"), world.clock.now())
        for _ in range(3):
            await publish(world)
        first, second, third = await claim(world, *await plan(world))
        now = world.clock.now()
        [before] = await world.batches.hand_over([first], NOBODY, 1_000, now)
        [again] = await world.batches.hand_over([second], NOBODY, 1_000, now)
        assert plain(again) == plain(before)
        await change(world)
        [after] = await world.batches.hand_over([third], NOBODY, 1_000, now)
        assert [*after.recipients] == await one_by_one(world, third, now), what
        assert after.epoch > before.epoch
        changed = [*after.recipients] != [*before.recipients]
        assert changed == (what != "somebody came"), what
        await world.subscribers.erase(SubscriberId("cleo"), now)
        for claimed in (first, second, third):
            await finish(world, claimed, DELIVERED, epoch=after.epoch)


@recording
async def a_part_is_recorded_and_the_rest_goes_on(world: World) -> None:
    message, claimed = await started(world, *"abcde")
    part = await next_part(world, claimed, NOBODY, 2)
    report = Report(claimed, Ending.RELEASED, world.clock.now(), [part])
    [ref] = (await world.batches.finish([report])).refs
    assert ref.size == 3
    assert await states(world, message) == {State.DELIVERED: 2, State.SENDING: 3}
    [again] = await claim(world, ref)
    assert (again.number, again.spent, again.size) == (2, 1, 3)
    rest = await next_part(world, again, NOBODY, 10)
    assert rest.size == 3
    await world.batches.finish([Report(again, Ending.FINISHED, world.clock.now(), [rest])])
    assert await states(world, message) == {State.DELIVERED: 5}
    assert [found.attempts for found in await logged(world)] == [1, 1, 2, 2, 2]


@recording
async def who_left_before_the_hand_over_is_cancelled(world: World) -> None:
    message, claimed = await started(world, "ada", "bob", "cleo")
    ada, bob, cleo = [found.subscriber_key for found in await logged(world)]
    at = world.clock.now()
    await world.subscribers.put(profile("ada", "movies"), at)
    await world.subscribers.put(profile("ada", "sports"), at)
    await world.subscribers.erase(SubscriberId("cleo"), at)
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, at)
    assert [person.subscriber for person in part.recipients] == [bob]
    await finish(world, claimed, DELIVERED, epoch=part.epoch)
    assert await states(world, message) == {State.DELIVERED: 1, State.CANCELLED: 2}
    for key in (ada, cleo):
        assert (await line(world, message, key)).reason is Reason.UNSUBSCRIBED


@recording
async def who_left_after_the_hand_over_was_handed_over(world: World) -> None:
    message, claimed = await started(world, "ada", "bob")
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    await world.subscribers.put(profile("ada", "movies"), world.clock.now())
    await finish(world, claimed, DELIVERED, epoch=part.epoch)
    assert await states(world, message) == {State.DELIVERED: 2}


@recording
async def who_left_while_waiting_is_not_tried_again(world: World) -> None:
    message, claimed = await started(world, "ada", "bob", "cleo")
    ada, bob, cleo = [found.subscriber_key for found in await logged(world)]
    due = world.clock.now()
    done = await finish(world, claimed, retry(due), {bob: retry(due), cleo: DELIVERED})
    await world.subscribers.put(profile("ada", channels="email"), due)
    await world.subscribers.put(profile("bob", "movies"), due)
    for again in await claim(world, *done.refs):
        [part] = await world.batches.hand_over([again], NOBODY, 10, due)
        assert (list(part.recipients), part.last) == ([], True)
        await finish(world, again, REFUSED, epoch=part.epoch)
    assert await states(world, message) == {State.DELIVERED: 1, State.CANCELLED: 2}
    assert {(await line(world, message, key)).reason for key in (ada, bob)} == {Reason.UNSUBSCRIBED}
    assert (await line(world, message, cleo)).state is State.DELIVERED


@recording
async def the_log_shows_the_address_that_was_used(world: World) -> None:
    [ada] = await join(world, "ada")
    message = await publish(world)
    [claimed] = await claim(world, *await plan(world))
    await world.subscribers.put(profile("ada", phone="+2"), world.clock.now())
    [part] = await world.batches.hand_over([claimed], NOBODY, 10, world.clock.now())
    assert [person.address for person in part.recipients] == ["+2"]
    assert (await line(world, message, ada)).address == "+2"
    await world.subscribers.put(profile("ada", phone="+3"), world.clock.now())
    await finish(world, claimed, DELIVERED, epoch=part.epoch)
    await world.subscribers.put(profile("ada", phone="+4"), world.clock.now())
    assert (await line(world, message, ada)).address == "+2"
    later = await publish(world)
    await plan(world)
    assert (await line(world, later, ada)).address == "+4"
    wanted = DeliveryFilter(subscriber=SubscriberId("ada"))
    assert [found.address for found in await logged(world, wanted)] == ["+4", "+2"]
