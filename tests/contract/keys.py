"""What every KeyStore does."""

import asyncio
from dataclasses import replace

import pytest

from notefly.domain.access import ApiKey, Scope, StoredKey
from notefly.domain.errors import Conflict
from tests.support.checks import Suite
from tests.support.world import World

keys = Suite()
BOTH = frozenset({Scope.READ, Scope.PUBLISH})


def stored(world: World, key_id: str = "k1", name: str = "app") -> StoredKey:
    return StoredKey(ApiKey(key_id, name, BOTH, world.clock.now()), key_id.encode() * 16)


@keys
async def gives_back_what_was_stored(world: World) -> None:
    one = stored(world)
    await world.keys.add(one)
    assert await world.keys.find("k1") == one
    assert await world.keys.find("k2") is None
    assert await world.keys.find("K1") is None


@keys
async def lists_them_in_the_order_they_were_made(world: World) -> None:
    assert list(await world.keys.list()) == []
    made = [stored(world, key_id) for key_id in ("z", "a", "m")]
    for one in made:
        await world.keys.add(one)
    assert list(await world.keys.list()) == [one.key for one in made]


@keys
async def an_id_is_taken_for_good(world: World) -> None:
    await world.keys.add(stored(world))
    with pytest.raises(Conflict):
        await world.keys.add(stored(world, name="other"))
    await world.keys.revoke("k1", world.clock.now())
    with pytest.raises(Conflict):
        await world.keys.add(stored(world, name="other"))
    assert [key.name for key in await world.keys.list()] == ["app"]


@keys
async def revoking_is_seen_at_once_and_the_first_time_stays(world: World) -> None:
    one = stored(world)
    await world.keys.add(one)
    await world.keys.add(stored(world, "k2"))
    first = world.clock.advance(5)
    revoked = replace(one.key, revoked_at=first)
    assert await world.keys.revoke("k1", first) == revoked
    assert await world.keys.revoke("k1", world.clock.advance(5)) == revoked
    assert await world.keys.find("k1") == replace(one, key=revoked)
    assert [key.revoked_at for key in await world.keys.list()] == [first, None]
    assert await world.keys.revoke("k3", first) is None


@keys
async def the_secret_of_links_is_made_once(world: World) -> None:
    found = await asyncio.gather(*(world.keys.link_secret(bytes([n]) * 32) for n in range(1, 6)))
    assert len(set(found)) == 1
    assert await world.keys.link_secret(b"other" * 8) == found[0]
