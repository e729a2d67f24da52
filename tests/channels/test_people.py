import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.ports.people import BETWEEN, COLUMN, People, all_reachable

VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
SEPARATORS = st.sampled_from([BETWEEN, COLUMN])
PEOPLE = st.lists(st.tuples(st.integers(1, 2**62), VALUES, VALUES, VALUES), min_size=1, max_size=4)
Row = tuple[int, str, str, str]


def told(rows: list[Row]) -> str:
    """As an engine tells it: it joins what is there, whatever that is."""
    columns = zip(*([str(value) for value in row] for row in rows), strict=True)
    return COLUMN.join(map(BETWEEN.join, columns))


def recipients(rows: list[Row]) -> list[Recipient]:
    return [Recipient(SubscriberKey(key), *texts) for key, *texts in rows]


def sound(rows: list[Row]) -> bool:
    return not {BETWEEN, COLUMN} & set("".join("".join(texts) for _, *texts in rows))


@given(PEOPLE)
def test_people_are_the_recipients_that_they_stand_for(rows: list[Row]) -> None:
    assume(sound(rows))
    people, expected = People(told(rows)), recipients(rows)
    assert (len(people), list(people), people[-1]) == (len(expected), expected, expected[-1])
    assert people[1:] == expected[1:]
    assert all(type(person.subscriber) is int for person in people)
    assert all_reachable(people) == all_reachable(expected) == all(row[3] for row in rows)


@given(PEOPLE, SEPARATORS, st.integers(0, 3), st.sets(st.integers(0, 2), min_size=1))
def test_nobody_is_read_wrongly_because_of_a_separator(
    rows: list[Row], separator: str, person: int, columns: set[int]
) -> None:
    """In all of the texts, too: then only the keys tell."""
    key, *texts = rows[person % len(rows)]
    one, two, three = (separator * (n in columns) + text for n, text in enumerate(texts))
    rows[person % len(rows)] = (key, one, two, three)
    with pytest.raises(ValueError, match="not four columns"):
        People(told(rows))


def test_nobody_is_no_people() -> None:
    with pytest.raises(ValueError, match="not four columns"):
        People("")
