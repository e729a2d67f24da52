"""Rows broken by hand: each part of each invariant is shown to notice its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from notefly.adapters.relational.auditing import EVERY_KEY, Part
from notefly.adapters.sqlite.audit import SqliteAudit, open_for_audit, parts
from notefly.domain.batch import NOBODY, Begun, Ending, Handed, Report
from notefly.domain.errors import StoreUnusable
from notefly.domain.ids import SubscriberId, SubscriberKey
from notefly.domain.log import DeliveryFilter, Looked, Violation
from notefly.domain.message import Content
from tests.contract.log import everything
from tests.sqlite.breaks import BROKEN, CANCELLED, ONE, Break
from tests.support.story import (
    DELIVERED,
    claim,
    finish,
    logged,
    plan,
    publication,
    publish,
    retry,
)
from tests.support.time import VirtualClock
from tests.support.world import World, sqlite_file, violations


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A store in which everything happened once, and the audit finds nothing."""
    async with sqlite_file(tmp_path, VirtualClock()) as opened:
        await all_of_it(opened)
        assert await violations(opened) == []
        yield opened


async def all_of_it(opened: World) -> None:
    """So that there is something to break in every table."""
    await everything(opened)
    _, refs = await opened.deliveries.replay(DeliveryFilter(), 2, None, opened.clock.now())
    for claimed in await claim(opened, *refs):
        await finish(opened, claimed, DELIVERED)
    at_noon = Content("sports", "x", "Title", opened.clock.now().replace(hour=20))
    await opened.messages.accept(publication(opened, at_noon, key="k"))
    many = [Content("movies", f"line {n}") for n in range(3)]
    await opened.messages.accept(publication(opened, *many, key="m"))
    only = Content("movies", "a test", only=SubscriberId("a"))
    await opened.messages.accept(publication(opened, only, key="o"))
    await publish(opened, Content("finance", "Nobody"))
    await plan(opened)
    waiting = await claim(opened, *await plan(opened))
    for claimed in waiting:
        await finish(opened, claimed, retry(opened.clock.now()))
    await erase_everybody(opened)
    await in_parts(opened)


async def erase_everybody(world: World) -> None:
    """Half a second after the last hand-over; whoever waits for a retry is called no more."""
    world.clock.advance(0.5)
    for person in (await world.subscribers.list(50, None)).items[4:]:
        await world.subscribers.erase(person.profile.id, world.clock.now())


async def in_parts(world: World) -> None:
    """A batch whose channel died between two hand-overs, taken up again and finished."""
    await publish(world)
    claimed = next(one for one in await claim(world, *await plan(world)) if one.channel == "sms")
    now = world.clock.now()
    [part] = await world.batches.hand_over([claimed], NOBODY, 2, now)
    handed = Handed(NOBODY, part.through, part.epoch, now, DELIVERED, len(part.recipients))
    begun = Begun(part.through, SubscriberKey(4), part.epoch, now)
    report = Report(claimed, Ending.DIED, now, [handed], "killed", begun)
    for again in await claim(world, *(await world.batches.finish([report])).refs):
        await finish(world, again, DELIVERED)


def test_every_part_is_broken_once() -> None:
    assert {one.part for one in BROKEN} == {part.name for part in parts()}


def found_by(world: World, part: str) -> list[str]:
    """What one statement says, without the others."""
    connection = open_for_audit(world.inside.database.path)
    try:
        [found] = [each for each in parts() if each.name == part]
        scope = {} if found.by is None else {"after": 0, "through": EVERY_KEY}
        return [row[1] for row in connection.execute(found.sql, scope) if row[1] is not None]
    finally:
        connection.close()


@pytest.mark.parametrize("one", BROKEN, ids=lambda one: one.part)
async def test_what_is_broken_by_hand_is_found_as_what_it_is(world: World, one: Break) -> None:
    statement = one.statement.replace("this", ONE).replace("cancelled", CANCELLED)
    statement = statement.replace("unstarted", "kind = 0 AND state = 0 ORDER BY key DESC LIMIT 1")
    changed = await world.inside.database.write(lambda t: sum(map(t.run, statement.split(";"))))
    assert changed > 0
    assert found_by(world, one.part)
    found = await violations(world)
    named = {violation.invariant for violation in found}
    assert named == {one.part.partition("_")[0], *one.also.split()}
    assert all(violation.words for violation in found)


async def test_it_streams_what_it_finds(world: World) -> None:
    await world.inside.database.write(
        lambda transaction: transaction.many(
            "INSERT INTO unplanned (message) VALUES (?)", [(n,) for n in range(1_000, 1_350)]
        )
    )
    assert len(await violations(world)) == 350


async def test_it_says_how_much_it_looked_at(world: World) -> None:
    looked: dict[str, int] = {}
    async with world.audit() as audit:
        for invariant in audit.invariants():
            async for found in audit.check(invariant):
                assert isinstance(found, Looked)
                looked[found.part] = looked.get(found.part, 0) + found.count
    assert looked.keys() == {part.name for part in parts()}
    assert all(count > 0 for part, count in looked.items() if part != "I9_unplanned")
    value = world.inside.database.read
    for part, table in (
        ("I1_whole", "message"),
        ("I2_deliveries", "delivery"),
        ("I3_rows", "delivery"),
        ("I2_batches", "batch"),
        ("I6_open", "attempt"),
        ("I7_request", "idempotency"),
    ):
        sql = f"SELECT count(*) FROM {table}"  # noqa: S608 - names of this test
        count = await value(lambda reading, sql=sql: reading.value(sql))
        assert looked[part] == count


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.name)
async def test_nothing_is_sorted_in_memory(world: World, part: Part) -> None:
    """One sorts, on disk: the keys by their messages."""
    connection = open_for_audit(world.inside.database.path)
    scope = {} if part.by is None else {"after": 0, "through": EVERY_KEY}
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {part.sql}", scope)]
    connection.close()
    sorts = any("TEMP B-TREE" in step or "AUTOMATIC" in step for step in steps)
    assert sorts == (part.name == "I7_overlap")


async def test_a_violation_names_what_people_can_look_up(world: World) -> None:
    write = world.inside.database.write
    await write(lambda t: t.run("UPDATE delivery SET attempt = 9 WHERE this".replace("this", ONE)))
    first = next(found for found in await violations(world) if found.invariant == "I4")
    [line] = [one for one in await logged(world) if one.attempts == 9]
    assert first == Violation(
        "I4",
        "ended in an attempt that its batch never had",
        line.message_id,
        line.channel,
        line.subscriber_id,
    )
    assert first.words == (
        f"message {line.message_id}, channel {line.channel}, subscriber {line.subscriber_id}: "
        "ended in an attempt that its batch never had"
    )


async def test_a_store_of_an_earlier_version_is_checked_too(world: World, tmp_path: Path) -> None:
    copy = tmp_path / "earlier.db"
    copy.write_bytes(await world.inside.database.read(lambda r: r._connection.serialize("main")))
    earlier = apsw.Connection(str(copy))
    earlier.execute("DROP TABLE epoch; DROP INDEX batch_leased; PRAGMA user_version = 1").fetchall()
    earlier.close()
    audit = SqliteAudit(str(copy))
    found = [one async for one in audit.check("I10") if isinstance(one, Violation)]
    assert found == []


async def test_without_a_store_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no readable store"):
        await anext(SqliteAudit(str(tmp_path / "none.db")).check("I1"))
