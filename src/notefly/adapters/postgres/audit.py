"""The promise, checked on the server: one streaming statement for each part of an invariant."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from notefly.adapters.postgres.connection import connect
from notefly.adapters.postgres.statements import numbered
from notefly.adapters.postgres.transaction import Link
from notefly.adapters.relational.auditing import (
    ROWS,
    Part,
    invariants_of,
    key_ranges,
    load_parts,
    same_request,
)
from notefly.adapters.relational.times import maybe_moment
from notefly.domain.errors import StoreUnusable
from notefly.domain.ids import SubscriberId
from notefly.domain.log import Looked, Violation
from notefly.domain.message import Content
from notefly.ports.audit import Audit

REQUESTS = "I7_request"
NAMES = {
    "message": "SELECT id FROM message WHERE key = $1",
    "channel": "SELECT name FROM channel WHERE key = $1",
    "subscriber": "SELECT id FROM subscriber WHERE key = $1",
}


def parts() -> list[Part]:
    """This engine's."""
    return load_parts("notefly.adapters.postgres")


class PostgresAudit:
    """See `Audit`. Each statement is checked on one moment, so it may run beside brokers."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._parts = parts()

    def invariants(self) -> tuple[str, ...]:
        return invariants_of(self._parts)

    async def check(self, invariant: str) -> AsyncIterator[Looked | Violation]:
        link = await connect(self._dsn, {"jit": "off"})
        try:
            for part in self._parts:
                if part.invariant == invariant:
                    yield Looked(invariant, part.name, part.unit, 0)
                    async for found in _look(link, part):
                        yield found
        except asyncpg.UndefinedTableError as error:
            raise StoreUnusable(f"there is no store in this database: {error}") from error
        finally:
            await link.close()


async def _look(link: Link, part: Part) -> AsyncIterator[Looked | Violation]:
    statement = numbered(part.sql)
    for scope in await _scopes(link, part):
        async with link.transaction(isolation="repeatable_read", readonly=True):
            cursor = await link.cursor(statement.text, *statement.arguments(scope))
            while rows := await cursor.fetch(ROWS):
                plain = [tuple(row) for row in rows]
                told = list(map(_request, plain)) if part.name == REQUESTS else plain
                yield Looked(part.invariant, part.name, part.unit, sum(row[0] for row in told))
                for row in told:
                    if row[1] is not None:
                        yield await _violation(link, part, row)


async def _scopes(link: Link, part: Part) -> Sequence[dict[str, int]]:
    if part.by is None:
        return [{}]
    latest = await link.fetchval(f"SELECT max(key) FROM {part.by}")  # noqa: S608 - of LOOKS_AT
    return key_ranges(latest)


def _request(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Whether a key's hash is the one of the messages that are stored under it.

    That cannot be known any more where somebody whom it named was erased.
    """
    key, owner, first, taken_with, messages = row
    stored = json.loads(messages)
    if any(only is not None and person is None for *_, only, person in stored):
        return (0, None, first, None, None)
    contents = [
        Content(category, body, title, maybe_moment(expires), person and SubscriberId(person))
        for category, title, body, expires, _, person in stored
    ]
    same = same_request(taken_with, contents)
    wrong = None if same else f"key {key} of '{owner}' stands for a request with other content"
    return (1, wrong, first, None, None)


async def _violation(link: Link, part: Part, row: tuple[Any, ...]) -> Violation:
    """By the names that the API has for them; by their keys where there is none."""
    named = {
        kind: None if key is None else str(await link.fetchval(NAMES[kind], key) or f"#{key}")
        for kind, key in zip(NAMES, row[2:], strict=True)
    }
    return Violation(part.invariant, row[1], **named)


def _meets(audit: PostgresAudit) -> Audit:
    return audit
