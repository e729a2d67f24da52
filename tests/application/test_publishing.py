from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from notefly.application.preview import Preview
from notefly.domain.errors import Invalid, KeyReused, NotFound, Unavailable
from notefly.domain.ids import SubscriberId
from notefly.domain.message import Content
from notefly.domain.subscriber import Preferences
from tests.application.house import House, house_with
from tests.support.story import join, profile, status

GOAL = Content("sports", "Goal!")


def pointers(error: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [problem.pointer for problem in error.value.problems]


async def test_what_is_published_is_stored_and_planning_is_woken(house: House) -> None:
    receipt = await house.publish.one(GOAL)
    assert (await status(house.world, receipt.ids[0])).message.content == GOAL
    assert receipt.accepted_at == house.clock.now()
    assert await house.bells.planner.wait(0)
    assert not await house.bells.planner.wait(0)


async def test_somebody_who_publishes_shortens_transactions(house: House) -> None:
    calm = house.pace.seconds
    await house.publish.one(GOAL)
    assert house.pace.seconds == calm
    await house.publish.one(GOAL)
    assert house.pace.seconds < calm


async def test_everything_wrong_is_named_and_nothing_stored(house: House) -> None:
    late = Content("weather", "x" * 101, "", house.clock.now())
    with pytest.raises(Invalid) as error:
        await house.publish.one(late, key="with blank")
    found = pointers(error)
    assert found[:3] == ["/category", "/title", "/expires_at"]
    assert found[3:] == ["/body"] * 3 + [""]
    assert "sms: too long" in str(error.value)
    with pytest.raises(Invalid):
        house.publish.check(late)
    house.publish.check(GOAL)
    assert await house.world.figures.messages() == 0


async def test_lines_are_all_accepted_or_none(house: House) -> None:
    wrong = replace(GOAL, body="")
    with pytest.raises(Invalid) as error:
        await house.publish.many([GOAL, wrong, replace(wrong, category="x")])
    assert pointers(error) == ["/1/body", "/2/category", "/2/body"]
    assert await house.world.figures.messages() == 0
    receipt = await house.publish.many([GOAL, GOAL])
    assert len(set(receipt.ids)) == 2


async def test_a_key_stands_for_one_request(house: House) -> None:
    first = await house.publish.one(GOAL, "k")
    again = await house.publish.one(GOAL, "k")
    assert (again.ids, again.replayed) == (first.ids, True)
    assert not (await house.publish.one(GOAL, "k", "somebody else")).replayed
    with pytest.raises(KeyReused):
        await house.publish.one(replace(GOAL, body="Foul!"), "k")
    with pytest.raises(KeyReused):
        await house.publish.many([GOAL], "k")


async def test_a_key_stands_for_its_request_after_it_expired(house: House) -> None:
    soon = replace(GOAL, expires_at=house.clock.now() + timedelta(seconds=10))
    first = await house.publish.one(soon, "k")
    house.clock.advance(60)
    assert (await house.publish.one(soon, "k")).ids == first.ids
    with pytest.raises(Invalid, match="past"):
        await house.publish.one(soon, "other")
    with pytest.raises(Invalid, match="past"):
        await house.publish.one(replace(soon, body="Foul!"), "k")


async def test_a_preview_stores_nothing(house: House) -> None:
    nobody = await house.preview(GOAL)
    assert nobody.audience.subscribers == 0
    assert nobody.rendered["email"].text == "Somebody <(email)>: Goal!"
    await house.subscribers.add([profile("ada", channels="sms push", phone="+1")])
    found = await house.preview(GOAL)
    assert isinstance(found, Preview)
    assert (found.audience.by_channel, found.audience.sample) == ({"sms": 1, "push": 1}, ["ada"])
    assert found.rendered["sms"].text == "Ada <+1>: Goal!"
    alone = await house.preview(replace(GOAL, only=SubscriberId("ada")))
    assert alone.audience.subscribers == 1
    with pytest.raises(Invalid):
        await house.preview(replace(GOAL, body=""))
    assert await house.world.figures.messages() == 0


async def test_a_preview_survives_an_erasure_in_between(house: House) -> None:
    await join(house.world, "ada")
    audience = house.world.subscribers.audience

    class Hasty:
        def __getattr__(self, name: str) -> object:
            return getattr(house.world.subscribers, name)

        async def audience(self, *args: object) -> object:
            found = await audience(*args)  # type: ignore[arg-type]
            await house.world.subscribers.erase(SubscriberId("ada"), house.clock.now())
            return found

    found = await replace(house.preview, subscribers=Hasty())(GOAL)  # type: ignore[arg-type]
    assert found.rendered["sms"].text == "Somebody <(phone)>: Goal!"


async def test_a_test_reaches_one(house: House) -> None:
    await join(house.world, "ada", "bob")
    ada = SubscriberId("ada")
    receipt = await house.test(ada, None, None, None)
    content = (await status(house.world, receipt.ids[0])).message.content
    assert content == Content("sports", "A test: this is how messages reach you.", None, None, ada)
    receipt = await house.test(ada, "movies", "Hello", "You")
    content = (await status(house.world, receipt.ids[0])).message.content
    assert content == Content("movies", "You", "Hello", None, ada)
    with pytest.raises(NotFound):
        await house.test(SubscriberId("eve"), None, None, None)
    await house.subscribers.put(replace(profile("bob"), preferences=Preferences()))
    with pytest.raises(Invalid, match="follows no category"):
        await house.test(SubscriberId("bob"), None, None, None)
    assert (await house.test(SubscriberId("bob"), "sports", None, None)).ids


async def test_nothing_is_no_publication(house: House) -> None:
    with pytest.raises(Invalid, match="no message"):
        await house.publish.many([], "k")


class Stuffed:
    """A backlog that says what a test wants."""

    def __init__(self, waits: int) -> None:
        self.waits = waits

    def waiting(self) -> int:
        return self.waits


async def test_nothing_more_is_accepted_while_too_much_waits(tmp_path: Path) -> None:
    backlog = Stuffed(0)
    async with house_with(tmp_path, backlog=backlog) as house:
        kept = await house.publish.one(GOAL, "kept")
        backlog.waits = house.most
        for refused in (
            house.publish.one(GOAL),
            house.publish.one(GOAL, "new"),
            house.publish.many([GOAL, GOAL]),
        ):
            with pytest.raises(Unavailable, match=r"1,000,000 deliveries wait.*NOTEFLY_BACKLOG"):
                await refused
        assert await house.world.figures.messages() == 1
        assert await house.publish.one(GOAL, "kept") == replace(kept, replayed=True)
        with pytest.raises(KeyReused):
            await house.publish.one(replace(GOAL, body="Foul!"), "kept")
        with pytest.raises(Invalid):
            await house.publish.one(replace(GOAL, body=""))
        backlog.waits = house.most - 1
        assert not (await house.publish.one(GOAL, "new")).replayed
