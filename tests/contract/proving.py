"""What every Audit does, and what every Clock and Ids do."""

from datetime import timedelta
from uuid import UUID

from notefly.application.verify import Verify
from notefly.domain.ids import SubscriberId, parse_message_id
from notefly.domain.log import DeliveryFilter, Looked, Proved
from notefly.ports.clock import Clock, Ids
from tests.contract.log import everything
from tests.support.checks import Suite
from tests.support.story import DELIVERED, REFUSED, claim, finish, plan, publish
from tests.support.world import World, violations

proving = Suite()


@proving
async def every_invariant_of_the_promise_is_checked(world: World) -> None:
    async with world.audit() as audit:
        assert audit.invariants() == tuple(f"I{n}" for n in range(1, 11))


@proving
async def an_empty_store_keeps_the_promise(world: World) -> None:
    assert await violations(world) == []
    async with world.audit() as audit:
        found = [found async for found in Verify(audit)()]
        ended = [one for one in found if isinstance(one, Proved)]
        assert [one.invariant for one in ended] == list(audit.invariants())
        assert all(one.holds and one.looked and not any(one.looked.values()) for one in ended)


@proving
async def it_says_how_much_it_looked_at(world: World) -> None:
    """A zero says nothing without it."""
    lines = await everything(world)
    ended = [line for line in lines if line.state.terminal]
    async with world.audit() as audit:
        looked = [one async for one in audit.check("I2") if isinstance(one, Looked)]
    rows = sum(one.count for one in looked if one.unit == "deliveries")
    assert 0 < len(ended) <= rows <= len(lines)
    assert {one.invariant for one in looked} == {"I2"}


@proving
async def an_honest_run_keeps_the_promise_at_every_step(world: World) -> None:
    await everything(world)
    assert await violations(world) == []
    wanted = DeliveryFilter()
    opened, refs = await world.deliveries.replay(wanted, 100, None, world.clock.now())
    assert opened == 8
    assert await violations(world) == []
    await world.subscribers.erase(SubscriberId("a"), world.clock.now())
    for claimed in await claim(world, *refs):
        await finish(world, claimed, REFUSED)
    assert await violations(world) == []
    await publish(world)
    assert await violations(world) == []
    for claimed in await claim(world, *await plan(world)):
        assert await violations(world) == []
        await finish(world, claimed, DELIVERED)
    assert await violations(world) == []


def check_clock(clock: Clock) -> None:
    """Times are aware UTC, and the monotonic one never goes back."""
    assert clock.now().utcoffset() == timedelta(0)
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def check_ids(clock: Clock, ids: Ids) -> None:
    """UUIDv7 of the time given (RFC 9562, section 5.7), all different; chance in [0, 1)."""
    at = clock.now()
    made = [*(ids.message(at) for _ in range(200)), *ids.messages(at, 200)]
    assert len(set(made)) == 400
    assert ids.messages(at, 0) == []
    for text in made:
        parsed = UUID(parse_message_id(text))
        assert (parsed.version, parsed.variant) == (7, "specified in RFC 4122")
        assert parsed.int >> 80 == int(at.timestamp() * 1_000)
    assert ids.message(at) < ids.message(at + timedelta(milliseconds=1))
    assert all(0 <= ids.fraction() < 1 for _ in range(200))
