"""Requests that are accepted together."""

import asyncio
from dataclasses import replace

import pytest

from notefly.adapters.postgres.store import PostgresStore
from notefly.domain.errors import Invalid, KeyReused, NoteflyError
from notefly.domain.ids import SubscriberId
from notefly.domain.message import Content, IdempotencyKey, fingerprint
from notefly.ports.message_store import Publication, Receipt
from tests.support.time import NOON, CountedIds, SilentMeter

pytestmark = pytest.mark.engines
GOAL = Content("sports", "Goal!")
IDS = CountedIds()


def request(*contents: Content, key: str | None = None) -> Publication:
    named = key and IdempotencyKey("me", key, fingerprint(contents, many=len(contents) > 1))
    return Publication([IDS.message(NOON) for _ in contents], contents, NOON, named or None)


async def answers(store: PostgresStore, *requests: Publication) -> list[Receipt | BaseException]:
    asked = (store.messages.accept(one) for one in requests)
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_who_asks_at_once_shares_a_commit(store: PostgresStore, meter: SilentMeter) -> None:
    before = meter.commits
    found = await answers(store, *(request(GOAL) for _ in range(300)))
    assert meter.commits - before <= 2
    assert all(isinstance(one, Receipt) and not one.replayed for one in found)
    assert await store.figures.messages() == 300


async def test_what_is_refused_undoes_no_other(store: PostgresStore) -> None:
    nobody = replace(GOAL, only=SubscriberId("nobody"))
    text = replace(GOAL, body="what the server refuses: \0")
    found = await answers(store, request(GOAL), request(nobody), request(GOAL, text), request(GOAL))
    assert isinstance(found[0], Receipt)
    assert isinstance(found[1], Invalid)
    assert isinstance(found[2], Exception)
    assert not isinstance(found[2], NoteflyError)
    assert isinstance(found[3], Receipt)
    assert await store.figures.messages() == 2


async def test_a_key_that_is_used_twice_at_once_stands_for_one(store: PostgresStore) -> None:
    first, again = request(GOAL, GOAL, key="k"), request(GOAL, GOAL, key="k")
    reused = request(replace(GOAL, body="other"), key="k")
    one, two, three = await answers(store, first, again, reused)
    assert isinstance(one, Receipt)
    assert two == replace(one, replayed=True)
    assert isinstance(three, KeyReused)
    assert await store.messages.accept(again) == two
    assert await store.figures.messages() == 2


async def test_a_key_stands_for_one_request_across_processes(
    store: PostgresStore, other: PostgresStore
) -> None:
    for n in range(10):
        mine, theirs = request(GOAL, key=f"k{n}"), request(GOAL, key=f"k{n}")
        receipts = await asyncio.gather(store.messages.accept(mine), other.messages.accept(theirs))
        assert receipts[0].ids == receipts[1].ids
        assert {receipt.replayed for receipt in receipts} == {False, True}
    assert await store.figures.messages() == 10


async def test_who_waits_when_it_closes_is_answered(dsn: str, store: PostgresStore) -> None:
    waiting = [asyncio.ensure_future(store.messages.accept(request(GOAL))) for _ in range(20)]
    await asyncio.sleep(0)
    await store.messages.close()
    assert all(task.done() for task in waiting)
