"""What the dials of chaos may say."""

import pytest

from notefly.domain.chaos import AT_REST, Dials


@pytest.mark.parametrize(
    "dials", [AT_REST, Dials(1.0), Dials(0.5, 0.5), Dials(timeout_rate=1.0, latency_seconds=10.0)]
)
def test_what_may_be(dials: Dials) -> None:
    assert [*dials.problems()] == []


@pytest.mark.parametrize(
    ("dials", "pointers"),
    [
        (Dials(-0.1), ["/failure_rate"]),
        (Dials(refusal_rate=1.1), ["/refusal_rate", "/refusal_rate"]),
        (Dials(timeout_rate=float("nan")), ["/timeout_rate"]),
        (Dials(latency_seconds=10.1), ["/latency_seconds"]),
        (Dials(0.6, 0.5), ["/refusal_rate"]),
    ],
)
def test_what_may_not(dials: Dials, pointers: list[str]) -> None:
    assert [problem.pointer for problem in dials.problems()] == pointers
