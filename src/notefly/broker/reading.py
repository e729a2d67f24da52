"""From bytes to models: quick when all is well, exact about what is wrong when it is not."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from notefly.broker.problems import SHOWN, Malformed
from notefly.domain.errors import Invalid, Problem

T = TypeVar("T")
DEEPEST = 64
LONGEST_NUMBER = 300
"""Digits; longer ones take Python a while, and no field here is such a number."""
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
BRACKET = re.compile(rb"[\[\]{}]")
SURROGATE = re.compile("[\ud800-\udfff]")
SAYINGS = {
    "extra_forbidden": "there is no such field",
    "missing": "is required",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


class Reader(Generic[T]):
    """Reads one kind of document. Raises Malformed for what is not JSON, Invalid for the rest."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def read(self, body: bytes) -> T:
        """Pydantic's own parser decides; only where it says no, the reason is looked for."""
        try:
            return self._adapter.validate_json(body)
        except ValidationError:
            self._explain(body)

    def _explain(self, body: bytes) -> NoReturn:
        document = parse(body)
        problems = list(_surrogates(document, ""))
        if not problems:
            try:
                self._adapter.validate_python(document)
            except ValidationError as error:
                problems = problems_of(error)
        raise Invalid(problems or [Problem("", "cannot be read")])


def parse(body: bytes) -> Any:
    """Strict JSON (RFC 8259): UTF-8, no NaN, no control characters in strings, not too deep."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed.at("", f"is not UTF-8, at byte {error.start}") from None
    if _too_deep(body):
        raise Malformed.at("", f"is nested deeper than {DEEPEST} levels")
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=_number)
    except ValueError as error:
        raise Malformed.at("", f"is not JSON: {error}") from None


def problems_of(error: ValidationError) -> list[Problem]:
    """Pydantic's findings, in our words and with JSON pointers."""
    found = error.errors(include_url=False, include_input=False)
    return [Problem(pointer(e["loc"]), _saying(e)) for e in found]


def pointer(parts: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _saying(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    said = SAYINGS.get(error["type"])
    return said or error["msg"].replace("Input should", "should").replace("Value should", "should")


def _too_deep(body: bytes) -> bool:
    depth = 0
    for bracket in BRACKET.finditer(STRING.sub(b"", body)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_NUMBER else float(digits)


def _surrogates(value: object, place: str) -> Iterator[Problem]:
    """Escapes like \\ud800 alone: JSON can spell them, but they are no characters."""
    if isinstance(value, str):
        if SURROGATE.search(value):
            yield Problem(place, "holds a lone surrogate, which is not a character")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _surrogates(name, place + pointer([name]))
            yield from _surrogates(member, place + pointer([name]))
    elif isinstance(value, list):
        for index, member in enumerate(value[:SHOWN]):
            yield from _surrogates(member, f"{place}/{index}")
