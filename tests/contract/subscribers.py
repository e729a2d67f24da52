"""What every SubscriberStore does."""

import asyncio
from dataclasses import replace

import pytest

from notefly.domain.delivery import State
from notefly.domain.errors import Conflict, Invalid
from notefly.domain.ids import SubscriberId
from notefly.domain.log import Audience
from notefly.domain.subscriber import Preferences, Profile, Subscriber
from tests.support.checks import Suite
from tests.support.story import (
    DELIVERED,
    claim,
    finish,
    join,
    line,
    logged,
    plan,
    profile,
    publish,
    states,
)
from tests.support.world import World

subscribers = Suite()
ADA = SubscriberId("ada")


async def names_in(world: World, limit: int = 50, text: str | None = None) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await world.subscribers.list(limit, cursor, text)
        assert len(page.items) <= limit
        found += [person.profile.id for person in page.items]
        cursor = page.next
        if cursor is None:
            return found


def following(*categories: str) -> Preferences:
    return Preferences(frozenset(categories), frozenset({"sms"}))


@subscribers
async def gives_back_what_was_stored(world: World) -> None:
    ada = profile("ada", "sports movies", "sms push", {"movies": "", "finance": "email sms"})
    mock = replace(profile("bob"), mock=True, addresses={})
    stored = await world.subscribers.add([ada, mock], world.clock.now())
    assert [person.profile for person in stored] == [ada, mock]
    assert await world.subscribers.get(ADA) == stored[0]
    assert await world.subscribers.get(SubscriberId("bob")) == stored[1]
    assert await world.subscribers.get(SubscriberId("eve")) is None


@subscribers
async def adds_all_or_none(world: World) -> None:
    await join(world, "ada")
    with pytest.raises(Conflict):
        await world.subscribers.add([profile("bob"), profile("ada")], world.clock.now())
    with pytest.raises(Conflict):
        await world.subscribers.add([profile("cleo"), profile("cleo")], world.clock.now())
    assert await names_in(world) == ["ada"]


@subscribers
async def a_conflict_undoes_only_its_own_member(world: World) -> None:
    at = world.clock.now()
    answers = await asyncio.gather(
        *(world.subscribers.add([profile(name)], at) for name in ("ada", "ada", "bob")),
        return_exceptions=True,
    )
    first, again, other = (isinstance(answer, Conflict) for answer in answers)
    # Who of the two is first is the engine's: on a server each has a connection.
    assert first != again
    assert not other
    assert await names_in(world) == ["ada", "bob"]


@subscribers
async def put_creates_and_replaces(world: World) -> None:
    at = world.clock.now()
    made, new = await world.subscribers.put(profile("ada", "sports"), at)
    later = world.clock.advance(5)
    other = replace(profile("ada", "movies"), addresses={"phone": "+2"}, name="Countess")
    changed, renewed = await world.subscribers.put(other, later)
    assert (new, renewed) == (True, False)
    assert changed == Subscriber(made.key, other, at, later)
    assert await world.subscribers.get(ADA) == changed


@subscribers
async def revising_lets_nobody_in_between(world: World) -> None:
    await join(world, "ada")

    def also(category: str) -> None:
        def change(old: Profile) -> Profile:
            wanted = replace(old.preferences, categories=old.preferences.categories | {category})
            return replace(old, preferences=wanted)

        changes.append(world.subscribers.revise(ADA, change, world.clock.now()))

    changes: list[object] = []
    also("movies")
    also("finance")
    await asyncio.gather(*changes)  # type: ignore[call-overload]
    found = await world.subscribers.get(ADA)
    assert found is not None
    assert found.profile.preferences.categories == {"sports", "movies", "finance"}


@subscribers
async def what_a_change_raises_comes_out(world: World) -> None:
    await join(world, "ada")
    before = await world.subscribers.get(ADA)

    def refuse(_: Profile) -> Profile:
        raise Invalid.at("/name", "no")

    with pytest.raises(Invalid, match="no"):
        await world.subscribers.revise(ADA, refuse, world.clock.advance(1))
    assert await world.subscribers.get(ADA) == before
    assert await world.subscribers.revise(SubscriberId("eve"), refuse, world.clock.now()) is None


@subscribers
async def revising_one_person_leaves_a_new_one_of_that_id_alone(world: World) -> None:
    [old] = await join(world, "ada")

    def renamed(found: Profile) -> Profile:
        return replace(found, name="Countess")

    at = world.clock.now()
    assert await world.subscribers.revise(ADA, renamed, at, old) is not None
    await world.subscribers.erase(ADA, at)
    [new] = await join(world, "ada")
    assert await world.subscribers.revise(ADA, renamed, at, old) is None
    found = await world.subscribers.get(ADA)
    assert found is not None
    assert (found.key, found.profile.name) == (new, "Ada")


@subscribers
async def people_are_found_by_a_part_of_their_id_or_name(world: World) -> None:
    at = world.clock.now()
    names = {"ada:1": "Ada Lovelace", "bob": "Bob ada", "c%": "Chlo\xe9 100 %", "d_": "\xc9mile _"}
    people = [replace(profile(one), name=name) for one, name in names.items()]
    await world.subscribers.add(people, at)
    for text, found in {
        "ada": ["ada:1", "bob"],
        "ADA": ["ada:1", "bob"],
        "LoveL": ["ada:1"],
        "chlo\xe9": ["c%"],
        "\xc9MILE": ["d_"],
        "\xe9mile": [],
        "%": ["c%"],
        "_": ["d_"],
        "ada:1": ["ada:1"],
        "nobody": [],
        "'": [],
    }.items():
        assert await names_in(world, text=text) == found, text
        assert await names_in(world, 1, text) == found, text
    await world.subscribers.erase(SubscriberId("bob"), at)
    assert await names_in(world, text="ada") == ["ada:1"]


@subscribers
async def pages_make_the_whole_list(world: World) -> None:
    names = [f"p{n}" for n in range(7)]
    await join(world, *names)
    await world.subscribers.erase(SubscriberId("p3"), world.clock.now())
    names.remove("p3")
    for limit in (1, 2, 6, 50):
        assert await names_in(world, limit) == names
    with pytest.raises(Invalid):
        await world.subscribers.list(5, "nonsense")


@subscribers
async def tells_who_a_message_would_reach(world: World) -> None:
    at = world.clock.now()
    await world.subscribers.add(
        [
            profile("ada", "sports", "sms email"),
            profile("bob", "sports movies", "sms", {"sports": "push"}),
            profile("cleo", "sports", "sms", {"sports": ""}),
            profile("dan", "movies", "sms"),
        ],
        at,
    )
    reach = await world.subscribers.audience("sports", None, 5)
    assert reach == Audience(2, {"sms": 1, "email": 1, "push": 1}, [ADA, SubscriberId("bob")])
    assert (await world.subscribers.audience("sports", None, 1)).sample == ["ada"]
    alone = await world.subscribers.audience("sports", ADA, 5)
    assert alone == Audience(1, {"sms": 1, "email": 1}, [ADA])
    nobody = Audience(0, {}, [])
    assert await world.subscribers.audience("movies", ADA, 5) == nobody
    assert await world.subscribers.audience("sports", SubscriberId("eve"), 5) == nobody
    assert await world.subscribers.audience("never used", None, 5) == nobody


@subscribers
async def the_choices_at_acceptance_are_the_audience(world: World) -> None:
    [ada, bob] = await join(world, "ada", "bob")
    await world.subscribers.put(profile("bob", "movies"), world.clock.now())
    message = await publish(world)
    await world.subscribers.put(profile("bob", "sports"), world.clock.now())
    await join(world, "cleo")
    later = await publish(world)
    refs = await plan(world)
    assert sorted((ref.message, ref.size) for ref in refs) == [(1, 1), (2, 3)]
    assert [found.subscriber_key for found in await logged(world)][-1] == ada
    assert len([found for found in await logged(world) if found.subscriber_key == bob]) == 1
    assert (await states(world, message), await states(world, later)) == (
        {State.PENDING: 1},
        {State.PENDING: 3},
    )


@subscribers
async def erasure_forgets_the_person_and_keeps_the_counts(world: World) -> None:
    [ada, _] = await join(world, "ada", "bob")
    message = await publish(world)
    [claimed] = await claim(world, *await plan(world))
    await finish(world, claimed, DELIVERED)
    assert (await line(world, message, ada)).address == "+1-ada"
    assert await world.subscribers.erase(ADA, world.clock.now())
    assert not await world.subscribers.erase(ADA, world.clock.now())
    assert await world.subscribers.get(ADA) is None
    assert await names_in(world) == ["bob"]
    assert (await world.subscribers.audience("sports", None, 5)).sample == ["bob"]
    assert await states(world, message) == {State.DELIVERED: 2}
    story = await world.deliveries.get((await line(world, message, ada)).id)
    assert story is not None
    assert (
        story.delivery.subscriber_name,
        story.delivery.subscriber_id,
        story.delivery.address,
    ) == (
        None,
        None,
        None,
    )


@subscribers
async def the_same_id_later_is_somebody_new(world: World) -> None:
    [old] = await join(world, "ada")
    message = await publish(world)
    await world.subscribers.erase(ADA, world.clock.now())
    [new] = await join(world, "ada")
    assert new != old
    await plan(world)
    assert [found.subscriber_key for found in await logged(world)] == [old]
    assert (await line(world, message, old)).subscriber_id is None


@subscribers
async def no_choice_no_audience(world: World) -> None:
    at = world.clock.now()
    await world.subscribers.add([replace(profile("ada"), preferences=following())], at)
    assert (await world.subscribers.audience("sports", None, 5)).subscribers == 0
    wanted = replace(profile("ada"), preferences=following("sports"))
    await world.subscribers.put(wanted, at)
    assert (await world.subscribers.audience("sports", None, 5)).by_channel == {"sms": 1}
