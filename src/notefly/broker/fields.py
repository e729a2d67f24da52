"""The kinds of values that requests are made of."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, WithJsonSchema

RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
OFFSET = re.compile(r" (\d\d:\d\d)$", re.ASCII)


def moment(value: object) -> datetime:
    """A time as RFC 3339 writes it; the offset is required, and the answer is in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, str) and RFC3339.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("must be a time with offset, like 2026-01-31T12:00:00Z")


def moment_in_query(value: object) -> datetime:
    """The same, where a plus that was not escaped has become a space."""
    return moment(OFFSET.sub(r"+\1", value) if isinstance(value, str) else value)


AS_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
Moment = Annotated[datetime, BeforeValidator(moment), AS_TIME]
QueryMoment = Annotated[datetime, BeforeValidator(moment_in_query), AS_TIME]
Names = Annotated[list[str], FailFast()]
"""A set, written as a list; saying a name twice is saying it."""


class Strict(BaseModel):
    """A body: no unknown fields, and nothing is turned from one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Query(BaseModel):
    """A query string: everything in it is text, so numbers and times are read from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
