"""A page of the log costs as many statements as it has parts, not as it has lines."""

from typing import Any

import pytest

from notefly.adapters.postgres.store import PostgresStore
from notefly.adapters.postgres.transaction import Reading
from notefly.domain.batch import EVERYBODY, NOBODY, Ending, Handed, Report
from notefly.domain.delivery import State
from notefly.domain.log import DeliveryFilter
from notefly.domain.outcome import Verdict
from tests.postgres.test_together import audience, publish
from tests.support.time import NOON

pytestmark = pytest.mark.engines
PEOPLE = 40
WANTED = DeliveryFilter(channel="sms")


async def test_lines_are_told_together(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audience(store, PEOPLE)
    await publish(store)
    assert await statements(store, monkeypatch, PEOPLE) == await statements(store, monkeypatch, 1)
    refs = (await store.batches.plan({"sms": PEOPLE // 2}, 1.0)).refs
    [claim] = (await store.batches.claim(refs[:1], "w", 60.0, NOON)).claims
    [part] = await store.batches.hand_over([claim], NOBODY, PEOPLE, NOON)
    said = {r.subscriber: Verdict(State.DELIVERED, None, r.name) for r in part.recipients}
    handed = Handed(NOBODY, EVERYBODY, part.epoch, NOON, Verdict(State.DELIVERED), len(said), said)
    await store.batches.finish([Report(claim, Ending.FINISHED, NOON, [handed])])
    some_wait = await statements(store, monkeypatch, PEOPLE)
    assert some_wait == await statements(store, monkeypatch, PEOPLE // 2 + 1)
    assert some_wait <= 8


async def statements(store: PostgresStore, patch: pytest.MonkeyPatch, limit: int) -> int:
    """How many a page of so many lines took."""
    asked: list[str] = []
    fetch = Reading._statement

    def counted(reading: Reading, name: str) -> Any:
        asked.append(name)
        return fetch(reading, name)

    with patch.context() as changed:
        changed.setattr(Reading, "_statement", counted)
        page = await store.deliveries.query(WANTED, limit, None)
    assert len(page.items) == limit
    return len(asked)
