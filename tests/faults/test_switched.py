"""Which dead letters a channel that is down explains."""

from pathlib import Path

import pytest

from notefly.adapters.relational.rows import reason_code
from notefly.domain.delivery import Reason
from tests.faults import switched
from tests.faults.product import Place
from tests.faults.switched import Backlog


def test_what_used_up_its_attempts_or_died_with_its_process_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead: dict[Reason, int] = {}
    rows = lambda _place, _sql: [(reason_code(reason), n) for reason, n in dead.items()]  # noqa: E731
    monkeypatch.setattr(switched, "rows_of", rows)
    backlog = Backlog(Place(Path()))
    dead[Reason.EXHAUSTED] = 3
    assert backlog.deaths("retry") == (3, 0)
    dead[Reason.POISON] = 2
    assert backlog.deaths("raise") == (2, 2)
    dead[Reason.POISON] = 5
    assert backlog.deaths("exit") == (3, 0)
    dead[Reason.REFUSED] = 1
    assert backlog.deaths("pause") == (1, 1)
