"""What an HTTP answer of a provider means: for whoever writes a channel over HTTP."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from notefly.domain.outcome import LONGEST_SECONDS, Delivered, Outcome, Refused, Retry

RETRYABLE = frozenset({408, 425, 429})
"""With every 5xx: the request was sound, and only its time was wrong (RFC 9110, 6585, 8470)."""
SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def outcome_of(
    status: int, detail: str | None = None, *, retry_after: str | None = None, now: datetime
) -> Outcome:
    """The rule of the promise: 2xx is delivered; 408, 425, 429 and 5xx are retried; else refused.

    What is no final HTTP status at all (below 200, above 599) is a broken answer, and retried.
    `detail` may be the provider's own id or its words; `retry_after` is that header as it came.
    """
    if 200 <= status <= 299:
        return Delivered(detail)
    words = f"HTTP {status}" if not detail else f"HTTP {status}: {detail}"
    if status in RETRYABLE or not 200 <= status <= 499:
        return Retry(words, wait_of(retry_after, now))
    return Refused(words)


def wait_of(retry_after: str | None, now: datetime) -> float | None:
    """Seconds until the moment that a Retry-After header names, at most a day (RFC 9110, 10.2.3).

    None for a header that is missing or means nothing; a date that has passed is 0.
    """
    written = (retry_after or "").strip()
    if SECONDS.fullmatch(written):
        return min(float(written), LONGEST_SECONDS)
    try:
        then = parsedate_to_datetime(written)
        # A date without a zone is in UTC, as every HTTP date is.
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_SECONDS)
