from datetime import UTC, datetime
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from notefly.adapters.channels.questions import LONGEST, REMEMBERED, Asked, Asker
from notefly.domain.batch import Recipient
from notefly.domain.ids import Epoch, MessageKey, SubscriberId, SubscriberKey
from notefly.domain.message import Content, Message
from notefly.ports.channel import HandOver
from notefly.ports.people import BETWEEN, COLUMN, People
from tests.channels.builders import ID, message

TEXT = st.text(st.characters(), max_size=20)
KEYS = st.integers(1, 2**63 - 1).map(SubscriberKey)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
CONTENTS = st.builds(
    Content,
    category=TEXT,
    body=TEXT,
    title=st.none() | TEXT,
    expires_at=st.none() | MOMENTS,
    only=st.none() | st.from_regex("[a-z]{1,8}", fullmatch=True).map(SubscriberId),
)
MESSAGES = st.builds(
    Message,
    id=st.just(ID),
    key=st.integers(1).map(MessageKey),
    epoch=st.integers(0).map(Epoch),
    accepted_at=MOMENTS,
    content=CONTENTS,
)
RECIPIENTS = st.builds(Recipient, subscriber=KEYS, subscriber_id=TEXT, name=TEXT, address=TEXT)
HAND_OVERS = st.builds(
    HandOver,
    message=MESSAGES,
    channel=TEXT,
    attempt=st.integers(1, 99),
    size=st.integers(0, 1_000),
    recipients=st.lists(RECIPIENTS, max_size=3),
)
QUESTIONS = st.lists(st.lists(st.integers(0, REMEMBERED + 3), max_size=REMEMBERED + 3), max_size=9)
"""Which groups of people are handed over in each."""


@given(st.lists(HAND_OVERS, max_size=3), st.integers(1, 10**9), st.floats(allow_nan=False))
def test_hand_overs_arrive_as_they_were(handed: list[HandOver], number: int, before: float) -> None:
    arrived = Asked().unpack(Asker().pack(number, before, handed))
    assert arrived == (number, before, handed)


def group(n: int, longer: int = 0) -> People:
    """Two people, with longer names where so many characters are given."""
    keys = (str(2 * n + 1), str(2 * n + 2))
    whats = ("id", "name" + " " * longer, "to")
    columns = (keys, *(tuple(f"{what} {key}" for key in keys) for what in whats))
    return People(COLUMN.join(map(BETWEEN.join, columns)))


def handed(people: People) -> HandOver:
    return HandOver(message(), "test", 1, len(people), people)


@given(QUESTIONS)
def test_people_arrive_as_they_were_however_many_came_between(questions: list[list[int]]) -> None:
    groups = [group(n) for n in range(REMEMBERED + 4)]
    asker, asked, numbers = Asker(), Asked(), count(1)
    for question in questions:
        body = asker.pack(next(numbers), 0.0, [handed(groups[n]) for n in question])
        arrived = [[*one.recipients] for one in asked.unpack(body)[2]]
        assert arrived == [[*groups[n]] for n in question]


def test_people_are_told_once_while_they_are_remembered() -> None:
    asker, asked = Asker(), Asked()
    groups = [group(n) for n in range(REMEMBERED)]
    asked.unpack(asker.pack(1, 0.0, [handed(one) for one in groups]))
    known = asker.pack(2, 0.0, [handed(one) for one in groups])
    assert b"name" not in known
    arrived = asked.unpack(known)[2]
    assert [[*one.recipients] for one in arrived] == [[*one] for one in groups]
    # One more, and the one that was told the longest time ago is told again.
    asker.pack(3, 0.0, [handed(group(REMEMBERED))])
    assert b"name 1" in asker.pack(4, 0.0, [handed(groups[0])])


def test_very_long_ones_are_told_each_time() -> None:
    """So that there is room in the process for all whom it remembers."""
    asker, asked = Asker(), Asked()
    groups = [group(0, LONGEST), group(1), group(2, LONGEST)]
    for number in (1, 2):
        body = asker.pack(number, 0.0, [handed(one) for one in groups])
        assert [[*one.recipients] for one in asked.unpack(body)[2]] == [[*one] for one in groups]
        assert [body.count(text) for text in (b"id 1", b"id 3", b"id 5")] == [1, 2 - number, 1]


def test_two_groups_of_the_same_people_are_two() -> None:
    """They were read at two epochs; what one process made of the first is not the second's."""
    asker = Asker()
    asker.pack(1, 0.0, [handed(group(0))])
    assert b"name 1" in asker.pack(2, 0.0, [handed(group(0))])
