from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.adapters.channels.gsm import (
    ALPHABET,
    BASIC,
    EXTENDED,
    GSM_7,
    UCS_2,
    Segmentation,
    segmentation,
)

LETTERS = st.sampled_from(sorted(ALPHABET))
CHARACTERS = st.characters(exclude_categories=["Cs"])


def test_the_alphabet_is_whole() -> None:
    assert len(BASIC) == 128 - 1, "all but the escape, which is no character"
    assert len(EXTENDED) == 10
    assert not BASIC & EXTENDED


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("", 0, 1),
        ("Goal!", 5, 1),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        ("a" * 152 + "€" + "a" * 151, 305, 2),
        ("a" * 152 + "€" + "a" * 152, 306, 3),
    ],
)
def test_gsm_7(text: str, units: int, segments: int) -> None:
    assert segmentation(text) == Segmentation(GSM_7, units, segments)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("я" * 70, 70, 1),
        ("я" * 71, 71, 2),
        ("я" * 134, 134, 2),
        ("я" * 135, 135, 3),
        ("⚽" + "a" * 69, 70, 1),
        ("⚽" + "a" * 70, 71, 2),
        ("😀" * 35, 70, 1),
        ("😀" * 36, 72, 2),
        ("я" * 66 + "😀" + "я" * 65, 133, 2),
        ("я" * 66 + "😀" + "я" * 66, 134, 3),
        ("ç", 1, 1),
        ("\x1b", 1, 1),
        ("`", 1, 1),
    ],
)
def test_ucs_2(text: str, units: int, segments: int) -> None:
    assert segmentation(text) == Segmentation(UCS_2, units, segments)


def cut(text: str, width: int, encoding: str) -> Iterator[str]:
    """The segments themselves, made the slow way: take characters as long as they still fit."""
    while text:
        length = 1
        while length < len(text) and units_of(text[: length + 1], encoding) <= width:
            length += 1
        yield text[:length]
        text = text[length:]


def units_of(text: str, encoding: str) -> int:
    if encoding == UCS_2:
        return len(text.encode("utf-16-le")) // 2
    return len(text) + sum(c in EXTENDED for c in text)


@given(st.text(LETTERS, max_size=500))
def test_gsm_7_counts_what_cutting_gives(text: str) -> None:
    found = segmentation(text)
    assert (found.encoding, found.units) == (GSM_7, units_of(text, GSM_7))
    expected = 1 if found.units <= 160 else len(list(cut(text, 153, GSM_7)))
    assert found.segments == expected


@given(st.text(CHARACTERS, max_size=300).map(lambda text: text + "я"))
def test_ucs_2_counts_what_cutting_gives(text: str) -> None:
    found = segmentation(text)
    assert (found.encoding, found.units) == (UCS_2, units_of(text, UCS_2))
    expected = 1 if found.units <= 70 else len(list(cut(text, 67, UCS_2)))
    assert found.segments == expected
