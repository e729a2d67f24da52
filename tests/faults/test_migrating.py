"""Migrations that are killed: a sound one is, and one without its transaction is found."""

import random
from pathlib import Path

import pytest

from tests.faults import schemas
from tests.faults.checker import Kind
from tests.faults.migrating import Migration
from tests.faults.product import Place

ROUNDS = 4


def begun(root: Path, seed: int, *, planted: bool) -> Migration:
    migration = Migration(Place.make(root), 1, random.Random(seed), planted)
    migration.place.data.mkdir()
    schemas.write_migrations(migration.folder)
    schemas.make(migration.store, migration.version)
    return migration


def test_a_store_is_of_one_schema_or_of_the_next(tmp_path: Path) -> None:
    migration = begun(tmp_path / "sound", 1, planted=False)
    assert migration.interrupted() == []
    assert migration.counts["killed"] > 0
    assert migration.counts["rows compared"] > 0


def test_a_migration_without_a_transaction_is_found(tmp_path: Path) -> None:
    kinds = {
        finding.kind
        for seed in range(ROUNDS)
        for finding in begun(tmp_path / str(seed), seed, planted=True).interrupted()
    }
    assert kinds & {Kind.TORN, Kind.LOST, Kind.ERROR}


@pytest.mark.parametrize("version", schemas.versions())
def test_every_schema_can_be_made_with_rows_in_it(tmp_path: Path, version: int) -> None:
    store = tmp_path / "notefly.db"
    schemas.make(store, version)
    assert schemas.shape(store)[0] == version
    counted = schemas.counts(store)
    states = {name: n for name, n in counted.items() if name.startswith("deliveries in state")}
    assert all(states.values()), states
    assert all(counted[name] for name in ("unplanned", "idempotency", "earlier_round", "handover"))
