"""What the answer of a provider over HTTP means."""

from datetime import UTC, datetime

import pytest

from notefly.domain.http_answer import outcome_of, wait_of
from notefly.domain.outcome import LONGEST_SECONDS, Delivered, Refused, Retry

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_two_hundred_and_something_is_delivered(status: int) -> None:
    assert outcome_of(status, "id-7", now=NOW) == Delivered("id-7")
    assert outcome_of(status, now=NOW) == Delivered()


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599])
def test_not_now_is_retried(status: int) -> None:
    assert outcome_of(status, now=NOW) == Retry(f"HTTP {status}")
    assert outcome_of(status, "busy", retry_after="7", now=NOW) == Retry(f"HTTP {status}: busy", 7)


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 403, 404, 409, 410, 422, 451, 499])
def test_everything_else_is_refused(status: int) -> None:
    assert outcome_of(status, retry_after="7", now=NOW) == Refused(f"HTTP {status}")


@pytest.mark.parametrize("status", [-1, 0, 100, 199, 600, 99_999])
def test_what_is_no_status_is_a_broken_answer(status: int) -> None:
    assert outcome_of(status, now=NOW) == Retry(f"HTTP {status}")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999", LONGEST_SECONDS),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sunday, 22-Nov-26 12:00:30 GMT", 30.0),
        ("Sun Nov 22 12:00:30 2026", 30.0),
        ("Sun, 22 Nov 2026 14:00:30 +0200", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_SECONDS),
    ],
)
def test_both_forms_of_retry_after(header: str, seconds: float) -> None:
    assert wait_of(header, NOW) == seconds


@pytest.mark.parametrize(
    "header",
    [None, "", "soon", "-5", "1.5", "1e3", "9" * 10, "\u0661\u0662", "Sun, 99 Nov 2026", "\0"],
)
def test_a_header_that_means_nothing(header: str | None) -> None:
    assert wait_of(header, NOW) is None
