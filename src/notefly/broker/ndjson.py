"""Newline-delimited JSON: many documents in one request, read in one go.

Lines end in LF or CRLF, and the last may go without. Blank lines are skipped, but counted: a
problem points to the line as it stands in the body, from 0.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Generic, TypeVar

from pydantic import FailFast, TypeAdapter, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from notefly.broker.limits import LARGEST_DOCUMENT, MOST_LINES
from notefly.broker.problems import SHOWN, Malformed
from notefly.broker.reading import Reader
from notefly.domain.errors import Invalid, Problem

T = TypeVar("T")
M = TypeVar("M")
BLANK = b" \t\r"
CHUNK_LINES = 500
CHUNK_BYTES = 256 * 1024
"""Parsed at once; parsing holds the interpreter, and the event loop has to get in between."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that are not blank, and where each stood."""

    texts: Sequence[bytes]
    numbers: Sequence[int]

    @classmethod
    def split(cls, body: bytes) -> "Lines":
        """Raises Invalid without any line, RequestEntityTooLarge with too many or too long ones."""
        if body.count(b"\n", 0, -1) >= MOST_LINES:
            raise RequestEntityTooLarge
        lines = body.split(b"\n")
        if max(map(len, lines)) > LARGEST_DOCUMENT:
            raise RequestEntityTooLarge
        kept = [(n, line) for n, line in enumerate(lines) if line.strip(BLANK)]
        if not kept:
            raise Invalid.at("", "must hold at least one line")
        return cls([line for _, line in kept], [n for n, _ in kept])

    def chunks(self) -> list[Sequence[bytes]]:
        """In order, each small enough to be parsed at once."""
        average = sum(map(len, self.texts)) // len(self.texts) + 1
        size = max(1, min(CHUNK_LINES, CHUNK_BYTES // average))
        return [self.texts[at : at + size] for at in range(0, len(self.texts), size)]

    def placed(self, error: Invalid) -> Invalid:
        """Problems that point to the n-th document point to its line now."""
        return type(error)([self._placed(problem) for problem in error.problems])

    def _placed(self, problem: Problem) -> Problem:
        _, index, *rest = problem.pointer.split("/", 2) if problem.pointer else ("", "")
        if not index.isdigit():
            return problem
        return Problem("/".join(["", str(self.numbers[int(index)]), *rest]), problem.detail)


class LinesReader(Generic[M, T]):
    """Reads documents of one kind, and turns each model into what the use case takes."""

    def __init__(self, reader: Reader[M], convert: Callable[[M], T]) -> None:
        self.reader = reader
        self._convert = convert
        every: Any = Annotated[list[reader.kind], FailFast()]  # type: ignore[name-defined]
        self._adapter: TypeAdapter[list[M]] = TypeAdapter(every)

    async def read(self, lines: Lines) -> list[T]:
        """Away from the event loop. Raises Malformed or Invalid with the lines that are wrong."""
        if len(lines.chunks()) > 1:
            return await asyncio.to_thread(self._all, lines)
        return self._all(lines)

    def _all(self, lines: Lines) -> list[T]:
        found: list[T] = []
        for chunk in lines.chunks():
            models = self._quickly(chunk)
            if models is None:
                raise self._wrong(lines)
            found += map(self._convert, models)
        return found

    def _quickly(self, texts: Sequence[bytes]) -> list[M] | None:
        """All at once, as one array; None when any of them is not as it should be.

        A line that begins with a brace begins a document, because no model holds a list of
        objects. So as many objects as lines means one object in each.
        """
        if not all(text.lstrip(BLANK).startswith(b"{") for text in texts):
            return None
        try:
            models = self._adapter.validate_json(b"[" + b",".join(texts) + b"]")
        except ValidationError:
            return None
        return models if len(models) == len(texts) else None

    def _wrong(self, lines: Lines) -> Invalid:
        malformed: list[Problem] = []
        invalid: list[Problem] = []
        for index, text in enumerate(lines.texts):
            try:
                self.reader.read(text)
            except Malformed as error:
                malformed += error.under(f"/{index}").problems
            except Invalid as error:
                invalid += error.under(f"/{index}").problems
            if len(malformed) + len(invalid) >= SHOWN:
                break
        if malformed:
            return lines.placed(Malformed(list(islice(malformed, SHOWN))))
        return lines.placed(Invalid(invalid))
