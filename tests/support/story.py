"""Short words for what happens in a test: people, messages, batches and what becomes of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from notefly.domain.batch import (
    EVERYBODY,
    NOBODY,
    BatchRef,
    Begun,
    Claim,
    Ending,
    Handed,
    Report,
)
from notefly.domain.delivery import Reason, State
from notefly.domain.ids import (
    DeliveryId,
    Epoch,
    MessageId,
    SubscriberId,
    SubscriberKey,
    delivery_id,
)
from notefly.domain.log import DeliveryFilter, LoggedDelivery, MessageStatus
from notefly.domain.message import Content, IdempotencyKey, fingerprint
from notefly.domain.outcome import Verdict
from notefly.domain.subscriber import Preferences, Profile
from notefly.ports.batch_store import Finished
from notefly.ports.message_store import Publication
from tests.support.world import World

DELIVERED = Verdict(State.DELIVERED)
REFUSED = Verdict(State.DEAD, Reason.REFUSED, "no such person")
LEASE = 60.0


def retry(at: datetime, detail: str = "try later") -> Verdict:
    return Verdict(State.RETRYING, None, detail, at)


def profile(
    name: str,
    categories: str = "sports",
    channels: str = "sms",
    overrides: Mapping[str, str] | None = None,
    **addresses: str,
) -> Profile:
    """Names are separated by blanks; every built-in kind has an address unless given."""
    return Profile(
        SubscriberId(name),
        name.title(),
        {"phone": f"+1-{name}", "email": f"{name}@example.org", "push_token": f"t-{name}"}
        | addresses,
        Preferences(
            frozenset(categories.split()),
            frozenset(channels.split()),
            {c: frozenset(chosen.split()) for c, chosen in (overrides or {}).items()},
        ),
    )


async def join(world: World, *names: str, channels: str = "sms") -> list[SubscriberKey]:
    """Followers of sports, by key."""
    people = await world.subscribers.add(
        [profile(name, channels=channels) for name in names], world.clock.now()
    )
    return [person.key for person in people]


def publication(
    world: World, *contents: Content, key: str | None = None, owner: str = "me"
) -> Publication:
    at = world.clock.now()
    named = key and IdempotencyKey(owner, key, fingerprint(contents, many=len(contents) > 1))
    return Publication([world.ids.message(at) for _ in contents], contents, at, named or None)


async def publish(world: World, content: Content | None = None) -> MessageId:
    """By default a goal in sports."""
    receipt = await world.messages.accept(publication(world, content or Content("sports", "Goal!")))
    return receipt.ids[0]


ENDLESS = 200
"""Steps of planning; what needs more of them never ends."""


async def plan(world: World, size: int = 1_000) -> list[BatchRef]:
    """Until nothing is left to plan."""
    refs: list[BatchRef] = []
    for _ in range(ENDLESS):
        planned = await world.batches.plan(dict.fromkeys(("sms", "email", "push"), size), 1.0)
        refs += planned.refs
        if not planned.more:
            return refs
    raise AssertionError("planning does not end")


async def claim(world: World, *refs: BatchRef, worker: str = "w1") -> list[Claim]:
    found = await world.batches.claim(refs, worker, LEASE, world.clock.now())
    return list(found.claims)


async def started(world: World, *names: str, size: int = 1_000) -> tuple[MessageId, Claim]:
    """A message to these people on SMS, planned in one batch and claimed."""
    await join(world, *names)
    message = await publish(world)
    [ref] = await plan(world, size)
    [claimed] = await claim(world, ref)
    return message, claimed


def handed(
    world: World,
    claimed: Claim,
    default: Verdict,
    exceptions: Mapping[SubscriberKey, Verdict] | None = None,
    epoch: Epoch | None = None,
) -> Handed:
    """Everybody in the batch, in one go."""
    return Handed(
        NOBODY,
        EVERYBODY,
        claimed.epoch if epoch is None else epoch,
        world.clock.now(),
        default,
        claimed.size,
        exceptions or {},
    )


async def finish(
    world: World,
    claimed: Claim,
    default: Verdict,
    exceptions: Mapping[SubscriberKey, Verdict] | None = None,
    epoch: Epoch | None = None,
) -> Finished:
    """Report one hand-over of everybody."""
    report = Report(
        claimed,
        Ending.FINISHED,
        world.clock.now(),
        [handed(world, claimed, default, exceptions, epoch)],
    )
    return await world.batches.finish([report])


async def died(
    world: World, claimed: Claim, parts: Sequence[Handed] = (), begun: Begun | None = None
) -> list[BatchRef]:
    """The channel's process died on it."""
    report = Report(claimed, Ending.DIED, world.clock.now(), parts, "killed by signal 9", begun)
    return list((await world.batches.finish([report])).refs)


async def status(world: World, message: MessageId) -> MessageStatus:
    """The message; its counts always add up (I8)."""
    found = await world.messages.get(message)
    assert found is not None
    if found.total is not None:
        assert found.total == sum(found.by_state.values())
    return found


async def states(world: World, message: MessageId) -> dict[State, int]:
    """Only those that somebody is in; the log and the counts say the same."""
    found = await status(world, message)
    counted = {state: n for state, n in found.by_state.items() if n}
    lines = await logged(world, DeliveryFilter(message=message))
    listed: dict[State, int] = {}
    for line in lines:
        listed[line.state] = listed.get(line.state, 0) + 1
    assert listed == counted
    return counted


async def logged(
    world: World, wanted: DeliveryFilter | None = None, limit: int = 100
) -> list[LoggedDelivery]:
    """All pages."""
    lines: list[LoggedDelivery] = []
    cursor = None
    while True:
        page = await world.deliveries.query(wanted or DeliveryFilter(), limit, cursor)
        assert len(page.items) <= limit
        lines += page.items
        cursor = page.next
        if cursor is None:
            return lines


def sms(message: MessageId, subscriber: SubscriberKey) -> DeliveryId:
    return delivery_id(message, "sms", subscriber)


async def line(world: World, message: MessageId, subscriber: SubscriberKey) -> LoggedDelivery:
    """One delivery by SMS."""
    story = await world.deliveries.get(sms(message, subscriber))
    assert story is not None
    return story.delivery
