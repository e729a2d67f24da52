"""Stores with many subscribers, made by set-based SQL in one commit, and copied for every run."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.composition import Order, container_of
from notefly.adapters.sqlite.connection import store_path
from notefly.adapters.sqlite.store import SqliteStore
from notefly.adapters.sqlite.transaction import Transaction

PEOPLE = """
WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO subscriber (id, name, categories, channels, overrides, mock, created_at, updated_at)
SELECT :category || '-' || i, 'Person ' || i, json_array(:category), :channels, '{}', 0,
    1760000000000000, 1760000000000000 FROM n
"""
CHOICES = """
INSERT INTO subscription (category, channel, subscriber, from_epoch, to_epoch)
SELECT c.key, h.key, p.key, :epoch, 9223372036854775807
FROM category c CROSS JOIN json_each(:channels) j JOIN channel h ON h.name = j.value
CROSS JOIN subscriber p
WHERE c.name = :category AND p.key > :before ORDER BY c.key, h.key, p.key
"""
ADDRESSES = """
INSERT INTO address (subscriber, kind, from_epoch, to_epoch, value)
SELECT p.key, k.column1, :epoch, 9223372036854775807,
    CASE k.column1 WHEN 'phone' THEN printf('+1415%07d', p.key)
        ELSE 'p' || p.key || '@example.com' END
FROM subscriber p CROSS JOIN (VALUES ('email'), ('phone')) k WHERE p.key > :before
"""


@dataclass(frozen=True, slots=True)
class Group:
    """So many people who want one category on these channels; each group has a category."""

    category: str
    count: int
    channels: Sequence[str] = ("email", "sms")


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where the stores of a run lie."""

    folder: Path

    def template(self, name: str, order: Order, groups: Sequence[Group]) -> Path:
        """A store with these people and nothing else; made once."""
        folder = self.folder / f"template-{name}"
        if not folder.exists():
            asyncio.run(_populate(Order(str(folder), channels=order.channels), groups))
        return folder

    @contextmanager
    def fresh(self, template: Path | None = None) -> Iterator[Path]:
        """A data directory of its own, removed afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            if template is not None:
                copy = shutil.copyfile(store_path(template), store_path(folder))
                _settle(copy)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


async def _populate(order: Order, groups: Sequence[Group]) -> None:
    container = container_of(order, order.settings)
    try:
        store = await container.get(SqliteStore)
        for group in groups:
            await store.database.write(lambda transaction, g=group: add(transaction, g))  # type: ignore[misc]
    finally:
        await container.close()


def add(transaction: Transaction, group: Group) -> None:
    """What `POST /v1/subscribers` would have stored, for the whole group at one epoch."""
    names = "[" + ",".join(f'"{name}"' for name in sorted(group.channels)) + "]"
    values = {
        "category": group.category,
        "channels": names,
        "count": group.count,
        "epoch": transaction.next_epoch(),
        "before": transaction.value("SELECT coalesce(max(key), 0) FROM subscriber"),
    }
    for statement in (PEOPLE, CHOICES, ADDRESSES):
        transaction.run(statement, values)


def _settle(path: Path) -> None:
    """What the copy left to be written must not be written while something is measured."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
