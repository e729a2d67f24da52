"""What a view gives, and for whom: a whole page, or for a script a part of one."""

from http import HTTPStatus

from quart import Response, request
from werkzeug.wrappers import Response as BareResponse

Page = str | tuple[str, int] | Response | BareResponse
"""Quart's own alias cannot be read at run time, where the views' annotations are."""
SEE_OTHER = HTTPStatus.SEE_OTHER
UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE


def in_place() -> bool:
    """Whether a script asks, for a part to put into the page that is already there."""
    return "HX-Request" in request.headers
