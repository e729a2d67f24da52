"""One choice on or off, and what it leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.domain.subscriber import Preferences

CATEGORIES = ("finance", "movies", "sports")
CHANNELS = ("email", "pager", "sms")
SETS = st.frozensets(st.sampled_from(CHANNELS))
ANY = st.builds(
    Preferences,
    st.frozensets(st.sampled_from(CATEGORIES)),
    SETS,
    st.dictionaries(st.sampled_from(CATEGORIES), SETS),
)
ADA = Preferences(
    frozenset({"finance", "movies"}),
    frozenset({"email"}),
    {"movies": frozenset({"email", "pager"}), "sports": frozenset({"pager"})},
)


def gets(preferences: Preferences) -> dict[str, str]:
    """Categories with the channels on which something arrives."""
    ways: dict[str, list[str]] = {}
    for category, channel in sorted(preferences.choices()):
        ways.setdefault(category, []).append(channel)
    return {category: " ".join(channels) for category, channels in ways.items()}


@pytest.mark.parametrize(
    ("category", "channel", "chosen", "expected"),
    [
        ("finance", "pager", True, {"finance": "email pager", "movies": "email pager"}),
        ("finance", "email", False, {"movies": "email pager"}),
        ("movies", "pager", False, {"finance": "email", "movies": "email"}),
        ("sports", "sms", True, {"finance": "email", "movies": "email pager", "sports": "sms"}),
        ("sports", "pager", False, {"finance": "email", "movies": "email pager"}),
        (None, "pager", True, {"finance": "email pager", "movies": "email pager"}),
        (None, "email", False, {"movies": "email pager"}),
    ],
)
def test_one_choice_changes(
    category: str | None, channel: str, chosen: bool, expected: dict[str, str]
) -> None:
    changed = ADA.with_choice(category, channel, chosen=chosen)
    assert gets(changed) == expected
    assert changed.with_choice(category, channel, chosen=chosen) == changed, "twice is once"


def test_what_is_not_followed_loses_nothing_by_being_switched_off() -> None:
    assert ADA.with_choice("sports", "sms", chosen=False) == ADA


def test_what_is_the_usual_is_no_choice_of_its_own() -> None:
    assert "movies" not in ADA.with_choice("movies", "pager", chosen=False).overrides
    assert "sports" not in ADA.with_choice("sports", "email", chosen=True).overrides
    assert ADA.with_choice("finance", "email", chosen=False).categories == {"movies"}


@given(ANY, st.sampled_from(CATEGORIES), st.sampled_from(CHANNELS), st.booleans())
def test_every_other_choice_stays(
    preferences: Preferences, category: str, channel: str, chosen: bool
) -> None:
    changed = preferences.with_choice(category, channel, chosen=chosen)
    assert ((category, channel) in changed.choices()) is chosen
    assert changed.choices() ^ preferences.choices() <= {(category, channel)}
    assert changed.channels == preferences.channels
