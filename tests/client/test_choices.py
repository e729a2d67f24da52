"""Who gets what as a grid, and what a click changes."""

from typing import Any

import pytest

from notefly.client.choices import addresses, change, person

CHANNELS = [
    {"name": "sms", "address_kind": "phone"},
    {"name": "email", "address_kind": "email"},
    {"name": "pager", "address_kind": "pager_number"},
]
CATEGORIES = ["finance", "movies", "sports"]


def subscriber(**changed: Any) -> dict[str, Any]:
    return {
        "id": "ada",
        "name": "Ada",
        "email": "ada@example.org",
        "phone": None,
        "push_token": None,
        "addresses": {"pager_number": "1234"},
        "categories": ["finance", "movies"],
        "channels": ["email"],
        "overrides": {"movies": ["email", "pager"], "sports": ["pager"]},
    } | changed


def test_a_line_for_each_category_and_a_cell_for_each_channel() -> None:
    shown = person(subscriber(mock=True), CATEGORIES, CHANNELS)
    ticked = {line.category: [c.channel for c in line.cells if c.on] for line in shown.lines}
    assert ticked == {"finance": ["email"], "movies": ["email", "pager"], "sports": []}
    assert [line.own for line in shown.lines] == [False, True, True]
    assert [cell.on for cell in shown.usual.cells] == [False, True, False]
    assert [cell.wants for cell in shown.usual.cells] == ["phone", "", ""]
    assert [cell.choice for cell in shown.lines[0].cells] == [
        "on/finance/sms",
        "off/finance/email",
        "on/finance/pager",
    ]
    assert shown.mock


def test_addresses_are_read_by_kind() -> None:
    assert addresses(subscriber()) == {"email": "ada@example.org", "pager_number": "1234"}


def test_a_cell_says_what_a_click_changes() -> None:
    assert change("on/finance/sms") == {"category": "finance", "channel": "sms", "chosen": True}
    assert change("off//email") == {"channel": "email", "chosen": False}


@pytest.mark.parametrize("choice", ["", "on", "on/finance", "a/b/c/d"])
def test_what_is_no_choice(choice: str) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        change(choice)
