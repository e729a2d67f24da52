"""Databases with many subscribers, made by set-based SQL, and copied for every run."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg

from benchmarks.population import Group
from notefly.adapters.postgres.store import open_store
from notefly.adapters.postgres.transaction import Transaction
from notefly.adapters.system import SystemClock
from tests.support.server import server
from tests.support.time import SilentMeter

CATEGORIES = ("sports", "movies", "finance")
KINDS = {"sms": "phone", "email": "email", "push": "push"}
PEOPLE = """
INSERT INTO subscriber
    (key, id, name, categories, channels, overrides, mock, created_at, updated_at)
SELECT $1::bigint + i, $2::text || '-' || i, 'Person ' || i, $3::text, $4::text, '{}', false,
    1760000000000000, 1760000000000000 FROM generate_series(1, $5::bigint) i
"""
CHOICES = """
INSERT INTO subscription (category, channel, subscriber, from_epoch, to_epoch)
SELECT c.key, h.key, p.key, $1::bigint, 9223372036854775807
FROM category c CROSS JOIN channel h CROSS JOIN subscriber p
WHERE c.name = $2::text AND h.name = ANY ($3::text[]) AND p.key > $4::bigint
ORDER BY c.key, h.key, p.key
"""
ADDRESSES = """
INSERT INTO address (subscriber, kind, from_epoch, to_epoch, value)
SELECT p.key, k.kind, $1::bigint, 9223372036854775807,
    CASE k.kind WHEN 'phone' THEN '+1415' || lpad(p.key::text, 7, '0')
        ELSE 'p' || p.key || '@example.com' END
FROM subscriber p CROSS JOIN (VALUES ('email'), ('phone')) k (kind) WHERE p.key > $2::bigint
"""


SETTINGS = {"min_wal_size": "2GB", "max_wal_size": "4GB", "checkpoint_timeout": "30min"}
"""Files of the log of writes are kept and used again, so that no run pays for making them."""


class Stage:
    """The server of a run, and the databases on it."""

    def __init__(self) -> None:
        self._numbers = count()
        self._templates: dict[str, str] = {}
        settings = [f"ALTER SYSTEM SET {name} = '{value}'" for name, value in SETTINGS.items()]
        _command(*settings, "SELECT pg_reload_conf()")

    @cached_property
    def version(self) -> str:
        """Of the server."""
        return str(_command("SHOW server_version"))

    def processor_seconds(self) -> float:
        """What all processes of the server have used so far, those that have ended too."""
        first = server().get_postmaster_info().pid
        return sum(map(used, [first, *_children(first)]))

    def template(self, name: str, groups: Sequence[Group]) -> str:
        """A database with these people and nothing else; made once."""
        if name not in self._templates:
            self._templates[name] = f"template_{name}"
            _command(f"CREATE DATABASE template_{name}")
            asyncio.run(_populate(address(f"template_{name}"), groups))
        return self._templates[name]

    @contextmanager
    def fresh(self, template: str) -> Iterator[str]:
        """The address of a copy, dropped afterwards; what the copy dirtied is written before."""
        name = f"run_{next(self._numbers)}"
        _command(f"CREATE DATABASE {name} TEMPLATE {template}", "CHECKPOINT")
        try:
            yield address(name)
        finally:
            _command(f"DROP DATABASE {name} WITH (FORCE)")


def address(database: str) -> str:
    """On the server that this process started; it listens on a socket file only."""
    folder = parse_qs(urlsplit(server().get_uri()).query)["host"][0]
    return f"postgresql://postgres@{quote(folder, safe='')}/{database}"


def _command(*statements: str) -> object:
    """The last one's answer."""

    async def run() -> object:
        link = await asyncpg.connect(server().get_uri())
        try:
            return [await link.fetchval(statement) for statement in statements][-1]
        finally:
            await link.close()

    return asyncio.run(run())


def _children(process: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def used(process: int) -> float:
    """Processor seconds: user, system, and the same of children that have ended (proc(5))."""
    with suppress(FileNotFoundError, ProcessLookupError):
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


async def _populate(dsn: str, groups: Sequence[Group]) -> None:
    async with open_store(
        dsn, categories=CATEGORIES, kinds=KINDS, clock=SystemClock(), meter=SilentMeter()
    ) as store:
        for group in groups:
            await store.database.write(lambda transaction, g=group: add(transaction, g))  # type: ignore[misc]
    link = await asyncpg.connect(dsn)
    try:
        await link.execute("VACUUM ANALYZE")
    finally:
        await link.close()


def add(transaction: Transaction, group: Group) -> None:
    """What `POST /v1/subscribers` would have stored, for the whole group at one epoch."""
    channels = sorted(group.channels)
    names = "[" + ",".join(f'"{name}"' for name in channels) + "]"
    epoch = transaction.next_epoch()
    before = transaction.value("SELECT coalesce(max(key), 0) FROM subscriber")
    people = (before, group.category, f'["{group.category}"]', names, group.count)
    transaction.run(PEOPLE, people)
    transaction.run(CHOICES, (epoch, group.category, channels, before))
    transaction.run(ADDRESSES, (epoch, before))
