import asyncio
from dataclasses import replace

import pytest

from notefly.application.subscribers import ChoiceChange, ProfileChange
from notefly.domain.errors import Conflict, Invalid, NotFound
from notefly.domain.ids import SubscriberId
from notefly.domain.subscriber import Preferences
from tests.application.house import House
from tests.support.story import profile

ADA = SubscriberId("ada")


def pointers(error: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [problem.pointer for problem in error.value.problems]


async def test_addresses_are_stored_in_one_spelling(house: House) -> None:
    [ada] = await house.subscribers.add([profile("ada", phone=" +1 ")])
    assert ada.profile.addresses["phone"] == "+1"
    assert await house.subscribers.get(ADA) == ada
    changed, new = await house.subscribers.put(profile("ada", phone=" +2 "))
    assert (changed.profile.addresses["phone"], new) == ("+2", False)


async def test_every_line_is_checked_before_any_is_stored(house: House) -> None:
    wrong = profile("bob", "weather", phone="!", email="!")
    with pytest.raises(Invalid) as error:
        await house.subscribers.add([profile("ada"), wrong, replace(profile("c"), name="")])
    assert pointers(error) == [
        "/1/addresses/phone",
        "/1/addresses/email",
        "/1/categories",
        "/2/name",
    ]
    with pytest.raises(NotFound):
        await house.subscribers.get(ADA)
    with pytest.raises(Invalid):
        await house.subscribers.put(wrong)


async def test_an_unknown_kind_of_address_is_named(house: House) -> None:
    with pytest.raises(Invalid) as error:
        await house.subscribers.put(profile("ada", fax=" 1 "))
    assert pointers(error) == ["/addresses/fax"]


async def test_ids_are_taken_once(house: House) -> None:
    await house.subscribers.add([profile("ada")])
    with pytest.raises(Conflict):
        await house.subscribers.add([profile("ada")])


async def test_some_fields_change_and_the_others_stay(house: House) -> None:
    await house.subscribers.add([profile("ada", overrides={"movies": "push"})])
    change = ProfileChange(
        name="Countess",
        addresses={"phone": " +3 ", "push_token": None, "email": None},
        overrides={},
    )
    changed = await house.subscribers.revise(ADA, change)
    assert changed.profile.name == "Countess"
    assert changed.profile.addresses == {"phone": "+3"}
    assert changed.profile.preferences == Preferences(frozenset({"sports"}), frozenset({"sms"}))
    same = await house.subscribers.revise(ADA, ProfileChange())
    assert same.profile == changed.profile


async def test_preferences_are_replaced_whole_or_by_part(house: House) -> None:
    await house.subscribers.add([profile("ada", overrides={"movies": "push"})])
    wanted = Preferences(frozenset({"movies"}), frozenset({"email"}))
    changed = await house.subscribers.revise(ADA, ProfileChange(preferences=wanted))
    assert changed.profile.preferences == wanted
    both = ProfileChange(categories=frozenset({"finance"}), channels=frozenset({"push"}))
    changed = await house.subscribers.revise(ADA, both)
    assert changed.profile.preferences == Preferences(frozenset({"finance"}), frozenset({"push"}))
    with pytest.raises(Invalid) as error:
        await house.subscribers.revise(ADA, ProfileChange(addresses={"push_token": None}))
    assert pointers(error) == ["/channels"]


async def test_choices_at_once_do_not_undo_each_other(house: House) -> None:
    await house.subscribers.add([profile("ada", "sports", "sms")])
    choices = [
        ChoiceChange("movies", "email", chosen=True),
        ChoiceChange("sports", "push", chosen=True),
        ChoiceChange(None, "email", chosen=True),
        ChoiceChange("movies", "sms", chosen=True),
    ]
    await asyncio.gather(*(house.subscribers.revise(ADA, one) for one in choices))
    chosen = (await house.subscribers.get(ADA)).profile.preferences
    assert chosen.choices() == {
        ("movies", "email"),
        ("movies", "sms"),
        ("sports", "push"),
        ("sports", "sms"),
    }


@pytest.mark.parametrize("chosen", [True, False])
async def test_a_choice_that_cannot_be_had_is_refused_where_it_was_written(
    house: House, *, chosen: bool
) -> None:
    await house.subscribers.add([profile("ada", "sports", "sms")])
    wrong = (("movies", "fax", "/channel"), (None, "fax", "/channel"), ("tea", "sms", "/category"))
    for category, channel, pointer in wrong:
        with pytest.raises(Invalid, match="unknown") as error:
            await house.subscribers.revise(ADA, ChoiceChange(category, channel, chosen=chosen))
        assert pointers(error) == [pointer]


async def test_nobody_is_not_found(house: House) -> None:
    for missing in (SubscriberId("eve"), SubscriberId("no such shape!")):
        with pytest.raises(NotFound):
            await house.subscribers.get(missing)
        with pytest.raises(NotFound):
            await house.subscribers.erase(missing)
        with pytest.raises(NotFound):
            await house.subscribers.revise(missing, ProfileChange())


async def test_erasure(house: House) -> None:
    await house.subscribers.add([profile("ada")])
    await house.subscribers.erase(ADA)
    with pytest.raises(NotFound):
        await house.subscribers.get(ADA)


async def test_mocks_are_loaded_once_and_made_to_fit(house: House) -> None:
    people = [
        profile("ada", "sports weather", "sms pigeon", {"movies": "fax push", "x": "sms"}),
        profile("bob", fax="1"),
    ]
    load = replace(house.mocks, profiles=people)
    assert await house.mocks() == 0
    assert await load() == 2
    ada = (await house.subscribers.get(ADA)).profile
    assert ada.mock
    assert ada.preferences == Preferences(
        frozenset({"sports"}), frozenset({"sms"}), {"movies": frozenset({"push"})}
    )
    assert "fax" not in (await house.subscribers.get(SubscriberId("bob"))).profile.addresses
    assert await load() == 0
    for name in ("ada", "bob"):
        await house.subscribers.erase(SubscriberId(name))
    assert await load() == 0


def test_the_catalogue_knows_what_is_configured(house: House) -> None:
    catalogue = house.catalogue
    assert catalogue.channel("sms").address_kind == "phone"
    with pytest.raises(NotFound):
        catalogue.channel("weather")


async def test_what_is_configured_no_more_may_stay(house: House) -> None:
    chosen = Preferences(frozenset({"sports", "chess"}), frozenset({"sms", "fax"}))
    old = replace(profile("ada"), preferences=chosen)
    await house.world.subscribers.add([old], house.clock.now())
    changed = await house.subscribers.revise(ADA, ProfileChange(name="Ada L."))
    assert changed.profile.preferences == chosen
    with pytest.raises(Invalid, match="unknown category 'go'"):
        await house.subscribers.revise(ADA, ProfileChange(categories=frozenset({"go"})))
