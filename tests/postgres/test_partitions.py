"""The log in partitions that are there before they are needed."""

import pytest

from notefly.adapters.postgres import partitions
from notefly.adapters.postgres.audit import PostgresAudit
from notefly.adapters.postgres.store import PostgresStore
from notefly.domain.batch import EVERYBODY, NOBODY, Ending, Handed, Report
from notefly.domain.delivery import State
from notefly.domain.log import Violation
from notefly.domain.outcome import Verdict
from tests.postgres.test_together import SIZES, audience, publish
from tests.support.time import NOON

pytestmark = pytest.mark.engines
PARTITIONS = """
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), c.reloptions FROM pg_class c
JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'delivery'::regclass ORDER BY c.oid
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "MESSAGES", 3)


async def test_there_is_always_one_more(store: PostgresStore) -> None:
    await publish(store)
    found = await store.database.read(lambda reading: reading.rows(PARTITIONS))
    assert [row[0] for row in found] == ["delivery_1", "delivery_4"]
    assert "FROM ('4') TO ('7')" in found[1][1]
    assert "autovacuum_vacuum_scale_factor=0.02" in found[1][2]
    await publish(store, 10)
    names = [row[0] for row in await store.database.read(lambda reading: reading.rows(PARTITIONS))]
    assert names == ["delivery_1", "delivery_4", "delivery_7", "delivery_10", "delivery_13"]


async def test_each_message_lies_in_its_own(dsn: str, store: PostgresStore) -> None:
    await audience(store, 2)
    for _ in range(7):
        await publish(store)
    while (planned := await store.batches.plan(SIZES, 1.0)).more:
        claims = (await store.batches.claim(planned.refs, "w", 60.0, NOON)).claims
        ended = Verdict(State.DELIVERED)
        await store.batches.finish(
            [
                Report(
                    claim,
                    Ending.FINISHED,
                    NOON,
                    [Handed(NOBODY, EVERYBODY, claim.epoch, NOON, ended, claim.size)],
                )
                for claim in claims
            ]
        )
    rows = "SELECT tableoid::regclass::text, count(*) FROM delivery GROUP BY 1 ORDER BY 1"
    found = await store.database.read(lambda reading: reading.rows(rows))
    assert found == [("delivery_1", 6), ("delivery_4", 6), ("delivery_7", 2)]
    audit = PostgresAudit(dsn)
    for invariant in audit.invariants():
        told = [one async for one in audit.check(invariant)]
        assert not [one for one in told if isinstance(one, Violation)]
