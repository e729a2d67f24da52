import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.adapters.channels.wire import (
    Garbage,
    pack_hand_overs,
    pack_not_begun,
    pack_outcomes,
    unpack_hand_overs,
    unpack_outcomes,
)
from notefly.domain.batch import Recipient
from notefly.domain.ids import Epoch, MessageKey, SubscriberId, SubscriberKey
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import HandOver
from notefly.ports.people import People
from tests.channels.builders import ID, hand_over

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
RECIPIENTS = st.builds(
    Recipient, subscriber=KEYS, delivery_id=TEXT, subscriber_id=TEXT, name=TEXT, address=TEXT
)
HAND_OVERS = st.builds(
    HandOver,
    message=MESSAGES,
    channel=TEXT,
    attempt=st.integers(1, 99),
    size=st.integers(0, 1_000),
    recipients=st.lists(RECIPIENTS, max_size=3),
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Delivered, st.none() | TEXT),
    st.builds(Retry, TEXT, st.none() | st.floats(0, 1e9)),
    st.builds(Refused, TEXT),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats()
    | st.sampled_from(["delivered", "retry", "refused", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["number", "default", "exceptions", "delivered"]), inner)
    ),
)


@given(st.lists(HAND_OVERS, max_size=3), st.integers(1, 10**9), st.floats(allow_nan=False))
def test_hand_overs_arrive_as_they_were(handed: list[HandOver], number: int, before: float) -> None:
    arrived = unpack_hand_overs(pack_hand_overs(number, before, handed))
    assert arrived == (number, before, handed)


def test_people_arrive_as_they_were() -> None:
    people = People("m:sms:", "1\x1f2\x1ea\x1fb\x1eAnn\x1fBob\x1e+1\x1f+2")
    handed = replace(hand_over([]), size=2, recipients=people)
    [arrived] = unpack_hand_overs(pack_hand_overs(1, 2.0, [handed]))[2]
    assert arrived == handed
    assert isinstance(arrived.recipients, People)
    assert arrived.recipients[1] == Recipient(SubscriberKey(2), "m:sms:2", "b", "Bob", "+2")


def test_not_begun_is_an_answer_to_one_question() -> None:
    assert unpack_outcomes(2, pack_not_begun(2), []) is None
    with pytest.raises(Garbage, match="not the answer"):
        unpack_outcomes(2, pack_not_begun(1), [])


@given(default=OUTCOMES, exceptions=st.dictionaries(st.sampled_from([1, 2, 3]), OUTCOMES))
def test_outcomes_arrive_as_they_were(default: Outcome, exceptions: dict[int, Outcome]) -> None:
    outcomes = Outcomes(default, {SubscriberKey(key): o for key, o in exceptions.items()})
    recipients = hand_over(["a", "b", "c"]).recipients
    assert unpack_outcomes(9, pack_outcomes(9, outcomes), recipients) == outcomes


@given(JSON.map(json.dumps).map(str.encode) | st.binary())
def test_nothing_but_garbage_is_raised_for_garbage(body: bytes) -> None:
    with contextlib.suppress(Garbage):
        unpack_outcomes(1, body, hand_over(["a"]).recipients)


@pytest.mark.parametrize("number", [1, 3])
def test_an_answer_to_another_question_is_garbage(number: int) -> None:
    answer = pack_outcomes(number, Outcomes(Delivered()))
    with pytest.raises(Garbage, match="not the answer"):
        unpack_outcomes(2, answer, [])
