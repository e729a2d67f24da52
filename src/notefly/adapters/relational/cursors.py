"""Cursors: opaque to whoever holds them, a tuple of integer keys to the store."""

import base64
import struct
from binascii import Error

from notefly.domain.errors import Invalid


def encode(*keys: int) -> str:
    """Where a page ended."""
    return base64.urlsafe_b64encode(struct.pack(f">{len(keys)}q", *keys)).decode().rstrip("=")


def decode(cursor: str, length: int) -> tuple[int, ...]:
    """The keys. Raises Invalid for what `encode` would not have made."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        keys = struct.unpack(f">{length}q", raw)
    except (Error, ValueError, struct.error):
        raise Invalid.at("/cursor", "is not a cursor that a page of this list gave") from None
    if encode(*keys) != cursor:
        raise Invalid.at("/cursor", "is not a cursor that a page of this list gave")
    return keys
