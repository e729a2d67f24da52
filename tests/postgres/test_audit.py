"""Rows broken by hand: the same that the embedded store's audit finds, as the same invariants."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from notefly.adapters.postgres.audit import parts
from tests.sqlite.breaks import BROKEN, CANCELLED, ONE, Break
from tests.sqlite.test_audit import all_of_it
from tests.support.server import postgres
from tests.support.time import VirtualClock
from tests.support.world import World, violations

pytestmark = pytest.mark.engines

UNSTARTED = "key = (SELECT max(key) FROM batch WHERE kind = 0 AND state = 0)"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A store in which everything happened once, and the audit finds nothing."""
    async with postgres(tmp_path, VirtualClock()) as opened:
        await all_of_it(opened)
        assert await violations(opened) == []
        yield opened


def test_every_part_is_broken_once() -> None:
    assert {one.part for one in BROKEN} == {part.name for part in parts()}


@pytest.mark.parametrize("one", BROKEN, ids=lambda one: one.part)
async def test_what_is_broken_by_hand_is_found_as_what_it_is(world: World, one: Break) -> None:
    statement = one.statement.replace("this", ONE).replace("cancelled", CANCELLED)
    statement = statement.replace("unstarted", UNSTARTED)
    changed = await world.inside.database.write(lambda t: sum(map(t.run, statement.split(";"))))
    assert changed > 0
    found = await violations(world)
    named = {violation.invariant for violation in found}
    assert named == {one.part.partition("_")[0], *one.also.split()}
    assert all(violation.words for violation in found)
