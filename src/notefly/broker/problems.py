"""Every error that HTTP can see, in one table (RFC 9457, application/problem+json)."""

import logging
from collections.abc import Sequence
from http import HTTPStatus

from pydantic_core import to_json
from werkzeug.exceptions import HTTPException

from notefly.broker.answers import Answer
from notefly.broker.views import ProblemView
from notefly.domain.errors import (
    Conflict,
    Invalid,
    KeyMissing,
    KeyRefused,
    KeyReused,
    LinkRefused,
    NotFound,
    Problem,
    ScopeMissing,
    Unavailable,
)

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
BEARER = 'Bearer realm="notefly"'
SHOWN = 100
"""Problems that are listed; a caller mends the first ones first."""


class Malformed(Invalid):
    """Not JSON, not UTF-8, or nested too deep: nothing in it can be trusted to mean anything."""


class CrossSite(Exception):  # noqa: N818 - reads as the reason of the refusal
    """A page of another origin tries to change something here."""


class WrongHost(Exception):  # noqa: N818
    """Asked for under a name that is not ours: DNS rebinding, or a proxy that is not listed."""


class TooManyRequests(Exception):  # noqa: N818
    """This caller has asked more often than the rate limit allows; nothing was done."""

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(detail)


class TooManyLines(Exception):  # noqa: N818
    """More lines than the rate limit lets through in any window: waiting would not help."""


TABLE: tuple[tuple[type[Exception], int, str], ...] = (
    (Malformed, 400, "malformed"),
    (KeyReused, 422, "key-reused"),
    (Invalid, 422, "invalid"),
    (NotFound, 404, "not-found"),
    (Conflict, 409, "conflict"),
    (KeyMissing, 401, "key-missing"),
    (KeyRefused, 401, "key-refused"),
    (ScopeMissing, 403, "scope-missing"),
    (LinkRefused, 403, "link-refused"),
    (Unavailable, 503, "unavailable"),
    (CrossSite, 403, "cross-site"),
    (WrongHost, 421, "wrong-host"),
    (TooManyRequests, 429, "too-many-requests"),
    (TooManyLines, 413, "too-many-lines"),
)
"""The first that fits; HTTP's own errors keep their status, everything else is a 500."""

SAYINGS = {
    404: "nothing is at this address",
    405: "this address does not know that method; Allow says which it knows",
    408: "the body did not arrive in time",
    413: "the body is too large: at most 256 KiB, and 16 MiB of 10,000 lines as NDJSON",
    416: "that range is not in it",
    500: "something went wrong here; the broker's log says what",
}
CODES = {404: "not-found", 415: "unsupported-media-type", 500: "internal"}
KEPT_HEADERS = ("Allow", "Retry-After")


def answer_for(error: Exception) -> Answer:
    """What a caller is told; never more than they may know."""
    for kind, status, code in TABLE:
        if isinstance(error, kind):
            return problem(status, code, _detail(error), _problems(error), _headers(error))
    if isinstance(error, HTTPException) and error.code and error.code < 500:
        return _http(error, error.code)
    log.error("a request failed", exc_info=error)
    return problem(500, CODES[500], SAYINGS[500])


def problem(
    status: int,
    code: str,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """`code` is for programs, `detail` for people, `errors` says where."""
    body: ProblemView = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": _speakable(detail),
        "errors": [
            {"pointer": _speakable(p.pointer), "detail": _speakable(p.detail)}
            for p in problems[:SHOWN]
        ],
    }
    return Answer(status, to_json(body), PROBLEM, headers)


def _http(error: HTTPException, status: int) -> Answer:
    phrase = HTTPStatus(status).phrase
    detail = SAYINGS.get(status) or error.description or phrase
    code = CODES.get(status) or phrase.lower().replace(" ", "-")
    kept = tuple((name, value) for name, value in error.get_headers() if name in KEPT_HEADERS)
    return problem(status, code, detail, headers=kept)


def _detail(error: Exception) -> str:
    problems = _problems(error)
    if not problems:
        return str(error)
    first = f"{problems[0].pointer}: {problems[0].detail}".removeprefix(": ")
    more = len(problems) - 1
    return first if not more else f"{first} (and {more} more)"


def _problems(error: Exception) -> Sequence[Problem]:
    return error.problems if isinstance(error, Invalid) else ()


def _headers(error: Exception) -> tuple[tuple[str, str], ...]:
    if isinstance(error, Unavailable | TooManyRequests):
        return (("Retry-After", str(error.retry_after_seconds)),)
    # RFC 6750, section 3.
    if isinstance(error, KeyMissing):
        return (("WWW-Authenticate", BEARER),)
    if isinstance(error, KeyRefused):
        return (("WWW-Authenticate", f'{BEARER}, error="invalid_token"'),)
    if isinstance(error, ScopeMissing):
        scope = " ".join(error.scopes)
        challenge = f'{BEARER}, error="insufficient_scope", scope="{scope}"'
        return (("WWW-Authenticate", challenge),)
    return ()


def _speakable(text: str) -> str:
    """A lone surrogate cannot be written in UTF-8, and a name in a request may hold one."""
    return text.encode("utf-8", "replace").decode()
