"""People who are remembered: what is read again, and when."""

from pathlib import Path

from notefly.adapters.relational.groups import CHARACTERS, Groups, Known
from notefly.adapters.relational.plan import Range, Ranges
from notefly.domain.batch import NOBODY
from notefly.domain.ids import Epoch
from notefly.ports.people import COLUMN, People
from tests.support.story import claim, join, plan, publish
from tests.support.time import VirtualClock
from tests.support.world import sqlite_file

EPOCH = Epoch(7)


def somebody(name: str = "Ada") -> People:
    return People(COLUMN.join(("1", "ada", name, "+1")))


async def test_the_same_audience_is_read_once(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path, VirtualClock()) as world:
        await join(world, "ada", "bob")
        for _ in range(4):
            await publish(world)
        claims = await claim(world, *await plan(world))
        now = world.clock.now()
        together = await world.batches.hand_over(claims[:3], NOBODY, 10, now)
        later = await world.batches.hand_over(claims[3:], NOBODY, 10, now)
        assert len({id(part.recipients) for part in (*together, *later)}) == 1
        assert [one.subscriber_id for one in later[0].recipients] == ["ada", "bob"]


def test_another_epoch_knows_nothing() -> None:
    groups = Groups()
    groups.at(EPOCH, 0).remember((1,), somebody())
    assert groups.at(EPOCH, 0).people
    assert not groups.at(Epoch(EPOCH + 1), 0).people


def test_an_epoch_that_may_have_come_again_knows_nothing() -> None:
    groups, ranges = Groups(), Ranges()
    groups.at(EPOCH, 0).remember((1,), somebody())
    ranges.trusted(0).known[1,] = Range(1, 1, 1, full=False)
    assert not groups.at(EPOCH, 1).people
    assert not ranges.trusted(1).known


def test_everybody_is_forgotten_before_it_becomes_too_much() -> None:
    known = Known(EPOCH, 0)
    half = somebody("a" * (CHARACTERS // 2))
    known.remember((1,), half)
    assert [*known.people] == [(1,)]
    known.remember((2,), half)
    assert [*known.people] == [(2,)]
    known.remember((3,), somebody())
    assert [*known.people] == [(2,), (3,)]


def test_who_is_of_no_audience_is_not_remembered() -> None:
    known, people = Known(EPOCH, 0), somebody()
    assert known.remember((), people) is people
    assert not known.people
