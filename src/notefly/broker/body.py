"""The body of a request: its type, its size, and what it says."""

from typing import Any, TypeVar

from quart import Request, request
from typing_extensions import override
from werkzeug.datastructures import Headers
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.http import parse_options_header

from notefly.broker.answers import JSON
from notefly.broker.limits import LARGEST_NDJSON
from notefly.broker.ndjson import Lines
from notefly.broker.rate_limit import spend_lines
from notefly.broker.reading import Reader
from notefly.domain.errors import Invalid

T = TypeVar("T")
NDJSON = "application/x-ndjson"
FORM = "application/x-www-form-urlencoded"


class BrokerRequest(Request):
    """Quart's, but how large a body may be depends on what it is."""

    @override
    def __init__(
        self,
        method: str,
        scheme: str,
        path: str,
        query_string: bytes,
        headers: Headers,
        *rest: Any,
        **options: Any,
    ) -> None:
        if media_type(headers.get("Content-Type", "")) == NDJSON:
            options["max_content_length"] = LARGEST_NDJSON
        super().__init__(method, scheme, path, query_string, headers, *rest, **options)


def media_type(header: str) -> str:
    """Without parameters; empty where the text is in another encoding than UTF-8."""
    kind, options = parse_options_header(header)
    return kind.lower() if options.get("charset", "utf-8").lower() in ("utf-8", "utf8") else ""


def require_media(*accepted: str) -> str:
    """The type of this request's body. Raises UnsupportedMediaType."""
    kind = media_type(request.headers.get("Content-Type", ""))
    if kind not in accepted or request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType(f"send {' or '.join(accepted)}, in UTF-8 and not compressed")
    return kind


async def read_body() -> bytes:
    """All of it. Raises werkzeug's RequestEntityTooLarge and RequestTimeout."""
    return await request.get_data(cache=False, as_text=False, parse_form_data=False)


async def read_lines() -> Lines:
    """A body of NDJSON; each line counts against the rate limit. Raises as `Lines.split` does."""
    lines = Lines.split(await read_body())
    spend_lines(request.scope, len(lines.texts))
    return lines


async def read_json(reader: Reader[T]) -> T:
    """A JSON body. Raises UnsupportedMediaType, Malformed or Invalid."""
    require_media(JSON)
    return reader.read(await read_body())


async def read_optional_json(reader: Reader[T]) -> T:
    """The same, where no body at all means an empty object."""
    if "Content-Type" not in request.headers and not await read_body():
        return reader.read(b"{}")
    return await read_json(reader)


def idempotency_key() -> str | None:
    """As the caller wrote it; the use case says whether it is one."""
    keys = request.headers.getlist("Idempotency-Key")
    if len(keys) > 1:
        raise Invalid.at("", "Idempotency-Key is given more than once")
    return keys[0] if keys else None
