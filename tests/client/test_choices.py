"""Who gets what as a grid, and what a click changes."""

from typing import Any

import pytest

from notefly.client.choices import addresses, after, chosen_in, person

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


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("on/finance/pager", {"finance": ["email", "pager"], "movies": ["email", "pager"]}),
        ("off/finance/email", {"finance": [], "movies": ["email", "pager"]}),
        ("off/movies/pager", {"finance": ["email"], "movies": ["email"]}),
        ("on/sports/email", {"finance": ["email"], "sports": ["email"]}),
        ("on/finance/email", {"finance": ["email"]}),
        ("off/sports/pager", {"sports": []}),
        ("on//pager", {"finance": ["email", "pager"], "movies": ["email", "pager"]}),
        ("off//email", {"finance": [], "movies": ["email", "pager"]}),
    ],
)
def test_a_click_changes_one_choice(choice: str, expected: dict[str, list[str]]) -> None:
    changed = subscriber() | after(subscriber(), choice)
    for category, channels in expected.items():
        assert chosen_in(changed, category) == channels


def test_a_choice_that_is_the_usual_one_is_no_choice_of_its_own() -> None:
    assert after(subscriber(), "off/movies/pager")["overrides"] == {"sports": ["pager"]}
    assert "sports" not in after(subscriber(), "on/sports/email")["overrides"]
    assert after(subscriber(), "off/finance/email")["categories"] == ["movies"]


def test_said_twice_is_said_once() -> None:
    once = subscriber() | after(subscriber(), "on/sports/sms")
    assert after(once, "on/sports/sms") == after(subscriber(), "on/sports/sms")


@pytest.mark.parametrize("choice", ["", "on", "on/finance", "a/b/c/d"])
def test_what_is_no_choice(choice: str) -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        after(subscriber(), choice)
