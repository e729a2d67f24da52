"""Rows broken by hand: each invariant is shown to notice its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from notefly.adapters.sqlite.audit import SqliteAudit
from notefly.domain.errors import StoreUnusable
from notefly.domain.log import DeliveryFilter
from notefly.domain.message import Content
from tests.contract.log import everything
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
        await everything(opened)
        _, refs = await opened.deliveries.replay(DeliveryFilter(), 2, None, opened.clock.now())
        for claimed in await claim(opened, *refs):
            await finish(opened, claimed, DELIVERED)
        await opened.messages.accept(publication(opened, Content("sports", "x"), key="k"))
        await publish(opened, Content("finance", "Nobody"))
        await plan(opened)
        waiting = await plan(opened)
        for claimed in await claim(opened, *waiting):
            await finish(opened, claimed, retry(opened.clock.now()))
        assert await violations(opened) == []
        yield opened


BROKEN = [
    ("I1", "DELETE FROM batch WHERE key = (SELECT max(key) FROM batch WHERE kind = 0)"),
    ("I1", "UPDATE batch SET size = size + 1 WHERE key = (SELECT min(key) FROM batch)"),
    ("I1", "UPDATE subscription SET from_epoch = from_epoch + 100 WHERE subscriber = 5"),
    ("I2", "DELETE FROM message WHERE key = 1"),
    ("I2", "UPDATE delivery SET subscriber = 77 WHERE this"),
    ("I2", "UPDATE message SET only_subscriber = 1 WHERE key = 1"),
    ("I3", "DELETE FROM delivery WHERE this"),
    ("I3", "UPDATE delivery SET state = 4 WHERE this"),
    ("I3", "UPDATE delivery SET batch = batch + 500 WHERE this"),
    ("I3", "UPDATE delivery SET round = 9 WHERE round = 2"),
    ("I3", "DELETE FROM earlier_round"),
    (
        "I3",
        """INSERT INTO delivery SELECT message, channel, first, 1, NULL, key, attempts, 1, NULL
        FROM batch WHERE kind = 0 AND state = 2 LIMIT 1""",
    ),
    ("I4", "DELETE FROM attempt WHERE batch = 1 AND number = 1"),
    ("I4", "UPDATE attempt SET number = 5 WHERE batch = 1"),
    ("I4", "UPDATE batch SET base = base + 3, attempts = attempts + 3 WHERE parent IS NOT NULL"),
    ("I5", "UPDATE attempt SET started_at = NULL WHERE batch = 1"),
    ("I5", "UPDATE attempt SET ended_at = NULL WHERE batch = 1"),
    ("I6", "UPDATE attempt SET ended_at = NULL, ending = NULL WHERE batch = 1"),
    ("I7", "UPDATE idempotency SET messages = 9"),
    ("I7", "UPDATE idempotency SET first_message = 999"),
    ("I8", "UPDATE tally SET deliveries = deliveries + 1 WHERE state = 1"),
    ("I8", "DELETE FROM tally"),
    ("I8", "UPDATE batch SET delivered = delivered + 1 WHERE key = 1"),
    ("I8", "UPDATE batch SET state = 3 WHERE state = 0"),
    ("I8", "UPDATE batch SET moved = moved - 1 WHERE moved > 0"),
    ("I9", "UPDATE batch SET lease_until = NULL WHERE state = 1"),
    ("I9", "UPDATE batch SET due_at = NULL WHERE state = 2"),
    ("I9", "UPDATE batch SET state = 7 WHERE state = 0"),
    ("I9", "INSERT INTO unplanned (message) VALUES (999)"),
    ("I10", "UPDATE attempt SET epoch = 1000000"),
]
ONE = """(message, channel, subscriber) = (
    SELECT message, channel, subscriber FROM delivery WHERE state = 1 LIMIT 1)"""


@pytest.mark.parametrize(("invariant", "statement"), BROKEN)
async def test_what_is_broken_by_hand_is_found(
    world: World, invariant: str, statement: str
) -> None:
    if invariant == "I10":
        await world.subscribers.erase((await logged(world))[0].subscriber_id, world.clock.now())  # type: ignore[arg-type]
        for person in (await world.subscribers.list(50, None)).items:
            await world.subscribers.erase(person.profile.id, world.clock.now())
        assert await violations(world) == []
    changed = await world.inside.database.write(
        lambda transaction: transaction.run(statement.replace("this", ONE))
    )
    assert changed > 0
    found = await violations(world)
    assert invariant in {violation.invariant for violation in found}
    assert all(violation.detail for violation in found)


async def test_it_streams_what_it_finds(world: World) -> None:
    await world.inside.database.write(
        lambda transaction: transaction.many(
            "INSERT INTO unplanned (message) VALUES (?)", [(n,) for n in range(1_000, 1_350)]
        )
    )
    assert len(await violations(world)) == 350


async def test_without_a_store_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no readable store"):
        await anext(SqliteAudit(str(tmp_path / "none.db")).violations("I1"))
