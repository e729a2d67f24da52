import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.adapters.channels.wire import (
    Garbage,
    pack_not_begun,
    pack_outcomes,
    unpack_outcomes,
)
from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from tests.channels.builders import hand_over

TEXT = st.text(st.characters(), max_size=20)
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
