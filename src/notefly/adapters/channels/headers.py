"""E-mail headers in their final form.

`EmailMessage` folds headers itself, but loses spaces between encoded words (cpython gh-92081) and
does it otherwise in every release: the log must show the same bytes under every Python.
"""

import re
import textwrap
from base64 import b64encode
from collections.abc import Iterator
from email.policy import Policy
from email.utils import quote
from typing import Self

from notefly.domain.message import LINE_OR_CONTROL

FOLD = "\r\n "
LINE = 66
"""Characters of a folded line; with the longest name of a header at most 78 (RFC 5322, 2.1.1)."""
WORD = 39
"""Bytes in an encoded word; with its frame and the header's name at most 76 (RFC 2047, 2)."""
PLAIN_NAME = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*", re.ASCII)
"""Atoms (RFC 5322, 3.2.3): any other name in ASCII is quoted."""


class Header(str):
    """A value with a `name` is kept by `EmailPolicy` as it is, and asked to fold itself."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, value: str) -> Self:
        header = super().__new__(cls, value)
        header.name = name
        return header

    def fold(self, *, policy: Policy) -> str:
        """The whole header with its line end."""
        return f"{self.name}: {self}{policy.linesep}"


def text(value: str) -> str:
    """Unstructured text: as it is where ASCII says it, else encoded words."""
    if needs_words(value):
        return FOLD.join(encoded_words(value))
    return FOLD.join(textwrap.wrap(value, LINE, break_long_words=False, break_on_hyphens=False))


def mailbox(name: str, address: str) -> str:
    """A name and an address, the latter on a line of its own if they are long."""
    if needs_words(name):
        shown = FOLD.join(encoded_words(name))
    else:
        shown = name if PLAIN_NAME.fullmatch(name) else f'"{quote(name)}"'
    gap = " " if len(shown) + len(address) < LINE else FOLD
    return f"{shown}{gap}<{address}>"


def tidy(value: str) -> str:
    """Safe in a header: `EmailMessage` refuses some control characters and lets others through."""
    return " ".join(LINE_OR_CONTROL.sub(" ", value).split())


def needs_words(value: str) -> bool:
    """Also what would be read as an encoded word, and must be shown as it was written."""
    return not value.isascii() or "=?" in value


def encoded_words(value: str) -> Iterator[str]:
    """RFC 2047, 4.1: a character is never cut in two; blanks between the words do not count."""
    chunk = b""
    for character in value:
        raw = character.encode()
        if len(chunk) + len(raw) > WORD:
            yield encoded_word(chunk)
            chunk = b""
        chunk += raw
    yield encoded_word(chunk)


def encoded_word(raw: bytes) -> str:
    return f"=?utf-8?b?{b64encode(raw).decode()}?="
