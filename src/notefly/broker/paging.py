"""Lists: a page as JSON, NDJSON or CSV, whichever the caller prefers."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pydantic_core import to_json, to_jsonable_python
from quart import request

from notefly.broker.answers import JSON, Answer
from notefly.broker.routing import LIST_TYPES

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets (OWASP, "CSV Injection")."""


def page(shape: type, entries: Sequence[Mapping[str, Any]], following: str | None = None) -> Answer:
    """`shape` is the TypedDict of an entry: its fields are the columns of the CSV."""
    headers = [("Vary", "Accept")]
    if following is not None:
        headers.append(("Link", f'<{_next_address(following)}>; rel="next"'))
    kind = request.accept_mimetypes.best_match(LIST_TYPES, JSON)
    if kind == JSON:
        body = to_json({"items": entries, "next": following})
    elif kind == "text/csv":
        body, kind = as_csv(_columns(shape), entries).encode(), "text/csv; charset=utf-8"
    else:
        body = b"".join(to_json(entry) + b"\n" for entry in entries)
    return Answer(200, body, kind or JSON, tuple(headers))


def as_csv(columns: Sequence[str], entries: Iterable[Mapping[str, Any]]) -> str:
    """RFC 4180, with a header line; lists and objects as JSON, nothing as an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(entry[column]) for column in columns] for entry in entries)
    return out.getvalue()


def _columns(shape: type) -> list[str]:
    """Those of the bases first, in the order they are written."""
    return list(shape.__annotations__)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, datetime | bool | int | float):
        return str(to_jsonable_python(value))
    return json.dumps(to_jsonable_python(value), ensure_ascii=False)


def _next_address(cursor: str) -> str:
    asked = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
    return f"{request.path}?{urlencode([*asked, ('cursor', cursor)])}"
