"""API keys from the first to the last moment, and links to one person's page."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from notefly.application import keys as module
from notefly.application.keys import KNOWN_SECONDS, Authenticate, Keys, console_keys
from notefly.application.links import Links
from notefly.application.subscribers import ProfileChange
from notefly.domain.access import ANYBODY, CONSOLE, Principal, Scope, digest_of, spell
from notefly.domain.errors import Invalid, KeyRefused, LinkRefused, NotFound, Unavailable
from notefly.domain.ids import SubscriberId
from notefly.ports.key_store import KeyStore
from tests.application.house import House
from tests.support.story import join

READ = frozenset({Scope.READ})
ADA = SubscriberId("ada")
WEEK = timedelta(days=7)


@dataclass
class Counting:
    """A key store that counts how often it is asked."""

    right: KeyStore
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.right, name)


@pytest.fixture
def keys(house: House) -> Keys:
    return Keys(house.world.keys, house.clock, house.world.ids)


@pytest.fixture
def links(house: House) -> Links:
    return Links(house.world.keys, house.subscribers, house.clock, house.world.ids)


async def test_a_key_is_made_listed_presented_and_revoked(house: House, keys: Keys) -> None:
    key, spelled = await keys.create("app", READ)
    assert list(await keys.list()) == [key]
    authenticate = Authenticate(house.world.keys, house.clock)
    assert await authenticate(spelled) == Principal(key.id, READ)
    revoked = await keys.revoke(key.id)
    assert (revoked.id, revoked.revoked_at) == (key.id, house.clock.now())
    house.clock.advance(KNOWN_SECONDS)
    with pytest.raises(KeyRefused):
        await authenticate(spelled)


async def test_keys_that_cannot_be_made_or_revoked(keys: Keys) -> None:
    with pytest.raises(Invalid, match="must name at least one of publish, read"):
        await keys.create("app", frozenset())
    with pytest.raises(NotFound, match="notefly keys list"):
        await keys.revoke("0123456789ab")
    assert list(await keys.list()) == []


async def test_wrong_secrets_and_unknown_ids_are_told_the_same(house: House, keys: Keys) -> None:
    key, spelled = await keys.create("app", READ)
    authenticate = Authenticate(house.world.keys, house.clock)
    said = set()
    for wrong in (spell(key.id, b"w" * 32), spell("f" * 12, b"w" * 32), "nonsense", f"{spelled}0"):
        with pytest.raises(KeyRefused) as caught:
            await authenticate(wrong)
        said.add(str(caught.value))
    assert len(said) == 1


async def test_a_known_key_asks_the_store_twice_a_second_at_most(house: House, keys: Keys) -> None:
    _, spelled = await keys.create("app", READ)
    store = Counting(house.world.keys)
    authenticate = Authenticate(store, house.clock)
    principal = await authenticate(spelled)
    for _ in range(10):
        await authenticate(spelled)
        assert await authenticate.holds(principal)
    assert store.asked == ["find"]
    house.clock.advance(KNOWN_SECONDS)
    await authenticate(spelled)
    assert store.asked == ["find"] * 2
    assert spelled not in repr(authenticate)


async def test_unknown_ids_are_not_remembered(house: House, keys: Keys) -> None:
    authenticate = Authenticate(house.world.keys, house.clock)
    for n in range(10):
        with pytest.raises(KeyRefused):
            await authenticate(spell(f"{n:012}", b"w" * 32))
    assert authenticate._known == {}


async def test_a_new_key_works_at_once_and_memory_is_bounded(
    house: House, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN_KEYS", 3)
    authenticate = Authenticate(house.world.keys, house.clock)
    for n in range(8):
        await authenticate((await keys.create(f"app {n}", READ))[1])
        assert len(authenticate._known) <= 3


async def test_what_goes_on_for_long_ends_with_its_key(house: House, keys: Keys) -> None:
    key, spelled = await keys.create("app", READ)
    authenticate = Authenticate(house.world.keys, house.clock)
    principal = await authenticate(spelled)
    await keys.revoke(key.id)
    house.clock.advance(KNOWN_SECONDS)
    assert not await authenticate.holds(principal)
    assert not await authenticate.holds(Principal("f" * 12, READ))
    assert await authenticate.holds(ANYBODY)


async def test_a_console_has_a_key_that_no_store_knows(house: House) -> None:
    spelled = spell(CONSOLE, b"c" * 32)
    own = console_keys(digest_of(spelled).hex(), house.clock.now())
    authenticate = Authenticate(house.world.keys, house.clock, own)
    principal = await authenticate(spelled)
    assert principal == Principal(CONSOLE, frozenset({Scope.ADMIN}))
    with pytest.raises(KeyRefused):
        await authenticate(spell(CONSOLE, b"d" * 32))
    with pytest.raises(KeyRefused):
        await authenticate(spell("f" * 12, b"c" * 32))
    with pytest.raises(KeyRefused):
        await Authenticate(house.world.keys, house.clock, console_keys("", house.clock.now()))(
            spelled
        )


async def test_a_link_opens_one_persons_page_until_it_expires(house: House, links: Links) -> None:
    [key] = await join(house.world, "ada")
    token, expires_at = await links.make(ADA, WEEK)
    assert expires_at == house.clock.now() + WEEK
    assert (await links.read(token)).key == key
    assert await links.holds(token)
    restarted = Links(house.world.keys, house.subscribers, house.clock, house.world.ids)
    assert (await restarted.read(token)).key == key
    house.clock.advance(WEEK.total_seconds())
    with pytest.raises(LinkRefused):
        await links.read(token)
    assert not await links.holds(token)


@pytest.mark.parametrize("lasts", [timedelta(0), timedelta(days=-1), timedelta(days=367)])
async def test_how_long_a_link_may_last(house: House, links: Links, lasts: timedelta) -> None:
    await join(house.world, "ada")
    with pytest.raises(Invalid):
        await links.make(ADA, lasts)


async def test_nobody_has_a_link_who_is_not_there(links: Links) -> None:
    with pytest.raises(NotFound):
        await links.make(ADA, WEEK)


async def test_every_link_that_opens_nothing_is_told_the_same(house: House, links: Links) -> None:
    await join(house.world, "ada", "ben")
    erased, _ = await links.make(ADA, WEEK)
    expired, _ = await links.make(SubscriberId("ben"), timedelta(minutes=1))
    foreign = await Links(
        Forged(house.world.keys), house.subscribers, house.clock, house.world.ids
    ).make(SubscriberId("ben"), WEEK)
    house.clock.advance(60)
    await house.subscribers.erase(ADA)
    said = set()
    for token in (erased, expired, foreign[0], erased[:-2], "", "nonsense"):
        with pytest.raises(LinkRefused) as caught:
            await links.read(token)
        said.add(str(caught.value))
    await join(house.world, "ada")
    with pytest.raises(LinkRefused) as caught:
        await links.read(erased)
    assert {str(caught.value)} == said


@dataclass
class Forged:
    """Signs with a secret of its own."""

    right: KeyStore

    async def link_secret(self, fresh: bytes) -> bytes:
        return fresh + b"forged"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


async def test_nobody_is_looked_up_for_a_link_that_was_not_signed_here(house: House) -> None:
    asked: list[object] = []

    class Watched:
        async def get(self, subscriber: SubscriberId) -> None:
            asked.append(subscriber)

    watched = replace(house.subscribers, store=Watched())  # type: ignore[arg-type] # only asked
    links = Links(house.world.keys, watched, house.clock, house.world.ids)
    with pytest.raises(LinkRefused):
        await links.read("MTc5NTk4NTE0Mi4xLmFkYQ.nJUevjKM7IDweFPvpFoPZdxtaDh_UUp77BqF1HxmfOg")
    assert asked == []


async def test_only_the_person_of_the_link_is_changed(house: House) -> None:
    [key] = await join(house.world, "ada")
    change = ProfileChange(name="Countess")
    assert (await house.subscribers.revise(ADA, change, key)).profile.name == "Countess"
    await house.subscribers.erase(ADA)
    await join(house.world, "ada")
    with pytest.raises(NotFound):
        await house.subscribers.revise(ADA, change, key)


async def test_a_store_that_cannot_be_asked_lets_nobody_in(house: House) -> None:
    class Away:
        async def find(self, key_id: str) -> None:
            raise Unavailable(key_id)

    authenticate = Authenticate(Away(), house.clock)  # type: ignore[arg-type] # only found in
    with pytest.raises(Unavailable):
        await authenticate(spell("f" * 12, b"w" * 32))
