"""The faults of storage find a product that is wrong: no zero of theirs would count otherwise."""

from pathlib import Path

import pytest

from tests.faults import diskfull, fsync
from tests.faults.checker import Kind
from tests.faults.disk import needs_loop
from tests.faults.diskfull import Fullness, small_disk
from tests.faults.failing_disk import WAL_SYNC
from tests.faults.fsync import Failures, failures
from tests.faults.lives import looked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(needs_loop()), reason=needs_loop() or "there is a loop device"),
]


async def test_an_answer_after_a_failed_sync_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fsync, "ENDED_SECONDS", 3.0)
    monkeypatch.setattr(fsync, "FAILURES", {WAL_SYNC: 20})
    with failures(tmp_path / "store", "planted") as trial:
        assert isinstance(trial, Failures)
        trial.planted = "answered-after-a-failed-sync"
        found = await looked(trial.round)
        trial.siege.world.log.close()
    assert Kind.LOST in {finding.kind for finding in found}


async def test_an_answer_of_a_full_disk_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diskfull, "PUBLISHES", 30)
    with small_disk(tmp_path / "store", "planted") as trial:
        assert isinstance(trial, Fullness)
        trial.planted = "accepted-by-a-full-disk"
        found = await looked(trial.round)
        trial.siege.world.log.close()
    assert Kind.LOST in {finding.kind for finding in found}
