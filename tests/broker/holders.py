"""Those who hold an API key, made as `notefly keys` makes them: in the store, beside the broker."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from notefly import bootstrap
from notefly.adapters.sqlite.guest import visiting
from notefly.adapters.sqlite.keys import SqliteKeys
from notefly.config import Settings
from notefly.domain.access import Scope, key_id_of

T = TypeVar("T")


def key_for(folder: Path, *scopes: Scope, name: str = "test") -> str:
    """A new key with these scopes."""

    async def made() -> str:
        async with bootstrap.keys(Settings(data_dir=folder), create=True) as keys:
            return (await keys.create(name, frozenset(scopes)))[1]

    return _now(made())


def revoke(folder: Path, spelled: str) -> None:
    async def ended() -> None:
        async with bootstrap.keys(Settings(data_dir=folder)) as keys:
            await keys.revoke(key_id_of(spelled) or "")

    _now(ended())


def link_secret(folder: Path) -> bytes:
    """What the broker signs links with."""
    with visiting(folder, create=False) as guest:
        return _now(SqliteKeys(guest).link_secret(b"none was there"))


def bearer(spelled: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {spelled}"}


def _now(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
