"""The faults of leases and clocks find a product that is wrong: else none of their zeros counts."""

from pathlib import Path

import pytest

from tests.faults import clock, siege
from tests.faults.checker import Kind
from tests.faults.stop import Stand, Standstill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_a_late_result_that_is_believed_is_found(tmp_path: Path) -> None:
    standstill = Standstill(tmp_path, 1)
    await standstill._life("unfenced", Stand("unfenced", ("channel",), died=True), 1)
    assert Kind.LOST in {finding.kind for finding in standstill.tally.findings}


async def test_a_retry_that_waits_for_the_wall_clock_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siege.Siege.drain, "__defaults__", (1.0,))
    monkeypatch.setattr(clock, "PATIENCE_SECONDS", clock.FROZEN_SECONDS + 1)
    tally = await clock.run(tmp_path, 1, 1, planted=True)
    assert Kind.STUCK in {finding.kind for finding in tally.findings}
