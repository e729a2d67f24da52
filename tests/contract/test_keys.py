from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from notefly.adapters.sqlite.guest import visiting
from notefly.adapters.sqlite.keys import SqliteKeys
from notefly.domain.access import ApiKey, StoredKey
from notefly.domain.errors import Conflict
from notefly.ports.key_store import KeyStore
from tests.contract.keys import keys, stored
from tests.support.checks import Check
from tests.support.time import VirtualClock
from tests.support.world import World, sqlite_file


@keys.parametrise()
async def test_every_key_store(world: World, check: Check) -> None:
    await check(world)


@asynccontextmanager
async def beside_a_broker(folder: Path) -> AsyncIterator[World]:
    async with sqlite_file(folder, VirtualClock()) as world:
        with visiting(folder, create=False) as guest:
            yield replace(world, keys=SqliteKeys(guest))


@keys.parametrise()
async def test_a_guest_beside_a_running_broker(tmp_path: Path, check: Check) -> None:
    async with beside_a_broker(tmp_path) as world:
        await check(world)


@keys.parametrise()
async def test_a_guest_in_a_store_that_nobody_runs(tmp_path: Path, check: Check) -> None:
    async with beside_a_broker(tmp_path) as world:
        nobody = replace(world)
    with visiting(tmp_path / "new", create=True) as guest:
        await check(replace(nobody, keys=SqliteKeys(guest)))


async def test_what_a_guest_writes_the_broker_sees_and_the_other_way_round(tmp_path: Path) -> None:
    async with beside_a_broker(tmp_path) as world:
        await world.keys.add(stored(world))
        assert await world.inside.keys.find("k1") == stored(world)
        await world.inside.keys.revoke("k1", world.clock.now())
        [seen] = await world.keys.list()
        assert seen.revoked_at == world.clock.now()


@dataclass
class Wrong:
    """A right store, but for what a subclass breaks."""

    right: KeyStore

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)


class Forgets(Wrong):
    """Revoking removes, so that an id may come back."""

    async def revoke(self, key_id: str, at: datetime) -> ApiKey | None:
        found = await self.right.revoke(key_id, at)
        await self.right._database.write(  # type: ignore[attr-defined]
            lambda transaction: transaction.run("DELETE FROM api_key WHERE id = ?", (key_id,))
        )
        return found


class RevokesAnew(Wrong):
    """The last time counts."""

    async def revoke(self, key_id: str, at: datetime) -> ApiKey | None:
        found = await self.right.revoke(key_id, at)
        return found and replace(found, revoked_at=at)


class Remembers(Wrong):
    """What was once read is never read again."""

    def __init__(self, right: KeyStore) -> None:
        super().__init__(right)
        self.known: dict[str, StoredKey] = {}

    async def add(self, one: StoredKey) -> None:
        await self.right.add(one)
        self.known[one.key.id] = one

    async def find(self, key_id: str) -> StoredKey | None:
        return self.known.get(key_id)


class Overwrites(Wrong):
    async def add(self, one: StoredKey) -> None:
        try:
            await self.right.add(one)
        except Conflict:
            return


class ManySecrets(Wrong):
    async def link_secret(self, fresh: bytes) -> bytes:
        return fresh


@pytest.mark.parametrize("wrong", [Forgets, RevokesAnew, Remembers, Overwrites, ManySecrets])
async def test_the_suite_notices_wrong_ones(wrong: type[Wrong]) -> None:
    assert await keys.failed_by(lambda world: replace(world, keys=wrong(world.keys)))
