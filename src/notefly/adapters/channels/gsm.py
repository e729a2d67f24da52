"""How a text travels as SMS: its encoding, and how many segments it is cut into (and billed as).

Source: 3GPP TS 23.038 (the 7-bit default alphabet and its extension table) and TS 23.040 (user
data of 140 bytes, 6 of them for the header that joins the segments of a longer text).
"""

from collections.abc import Iterable
from dataclasses import dataclass

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
"""Each takes two septets: an escape, and the character."""
ALPHABET = BASIC | EXTENDED

GSM_7 = "GSM-7"
UCS_2 = "UCS-2"
LIMITS = {GSM_7: (160, 153), UCS_2: (70, 67)}
"""Units in a text of one segment, and in each segment of a longer one."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """`units` are septets in GSM-7 and UTF-16 code units in UCS-2."""

    encoding: str
    units: int
    segments: int


def segmentation(text: str) -> Segmentation:
    """GSM-7 if every character is in its alphabet, else UCS-2."""
    if ALPHABET.issuperset(text):
        encoding, widths = GSM_7, [2 if c in EXTENDED else 1 for c in text]
    else:
        encoding, widths = UCS_2, [2 if c > "\uffff" else 1 for c in text]
    single, each = LIMITS[encoding]
    units = sum(widths)
    return Segmentation(encoding, units, 1 if units <= single else _packed(widths, each))


def _packed(widths: Iterable[int], size: int) -> int:
    """Segments of `size` units, where no character of two units is cut in half."""
    segments, used = 1, 0
    for width in widths:
        if used + width > size:
            segments, used = segments + 1, 0
        used += width
    return segments
