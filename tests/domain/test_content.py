"""What may be published and who may be registered."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.domain.delivery import MessageState, State
from notefly.domain.errors import Conflict, Invalid, KeyReused, NoteflyError, Problem, Unavailable
from notefly.domain.ids import Epoch, MessageId, MessageKey, SubscriberId
from notefly.domain.log import MessageStatus
from notefly.domain.message import KEY, Content, Message, fingerprint, problems_of
from notefly.domain.subscriber import Preferences, Profile, profile_problems
from tests.support.story import profile
from tests.support.time import NOON
from tests.support.world import CATEGORIES, KINDS

GOAL = Content("sports", "Goal!")
CONFIGURED = frozenset(CATEGORIES)
texts = st.text(max_size=5)
contents = st.builds(
    Content,
    st.sampled_from(CATEGORIES),
    texts,
    st.none() | texts,
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | texts.map(SubscriberId),
)


def pointers(content: Content) -> list[str]:
    return [problem.pointer for problem in problems_of(content, CONFIGURED, NOON)]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (GOAL, []),
        (replace(GOAL, title="Final", expires_at=NOON + timedelta(seconds=1)), []),
        (replace(GOAL, body="two\nlines \N{SOCCER BALL}"), []),
        (replace(GOAL, category="weather"), ["/category"]),
        (replace(GOAL, body=" \n"), ["/body"]),
        (replace(GOAL, body="a\0b"), ["/body"]),
        (replace(GOAL, body="\ud800"), ["/body"]),
        (replace(GOAL, title=""), ["/title"]),
        (replace(GOAL, title="x" * 200), []),
        (replace(GOAL, title="x" * 201), ["/title"]),
        (replace(GOAL, title="x\r\nBcc: all"), ["/title"]),
        (replace(GOAL, title="x\u2028y"), ["/title"]),
        (replace(GOAL, title="x\0"), ["/title", "/title"]),
        (replace(GOAL, title="\udfff"), ["/title"]),
        (replace(GOAL, expires_at=NOON), ["/expires_at"]),
        (Content("x", "", "", NOON), ["/category", "/body", "/title", "/expires_at"]),
    ],
)
def test_every_problem_of_a_message_is_named(content: Content, wrong: list[str]) -> None:
    assert pointers(content) == wrong


@given(st.lists(contents, max_size=3), st.lists(contents, max_size=3), st.booleans())
def test_a_fingerprint_is_that_of_the_content(
    some: list[Content], others: list[Content], many: bool
) -> None:
    assert (fingerprint(some, many=many) == fingerprint(others, many=many)) == (some == others)
    assert fingerprint(some, many=True) != fingerprint(some, many=False)


def test_the_same_moment_has_the_same_fingerprint() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    here, there = replace(GOAL, expires_at=NOON), replace(GOAL, expires_at=elsewhere)
    assert fingerprint([here], many=False) == fingerprint([there], many=False)
    assert len(fingerprint([replace(GOAL, body="\ud800")], many=False)) == 32


@pytest.mark.parametrize(
    ("key", "fits"),
    [("a", True), ("~" * 255, True), ("", False), ("a" * 256, False), ("a b", False), ("é", False)],
)
def test_keys_are_visible_ascii(key: str, fits: bool) -> None:
    assert (KEY.fullmatch(key) is not None) == fits


def problems(person: Profile) -> list[str]:
    return [problem.pointer for problem in profile_problems(person, CONFIGURED, KINDS)]


ADA = profile("ada", overrides={"finance": "email"})


@pytest.mark.parametrize(
    ("person", "wrong"),
    [
        (ADA, []),
        (replace(ADA, id=SubscriberId("a b")), ["/id"]),
        (replace(ADA, id=SubscriberId("x" * 129)), ["/id"]),
        (replace(ADA, name=" "), ["/name"]),
        (replace(ADA, name="x" * 201), ["/name"]),
        (replace(ADA, name="a\nb"), ["/name"]),
        (replace(ADA, name="a\0"), ["/name", "/name"]),
        (replace(ADA, addresses={**ADA.addresses, "fax": "1"}), ["/addresses/fax"]),
        (replace(ADA, addresses={}), ["/overrides/finance", "/channels"]),
        (profile("a", "weather sports", "sms pigeon"), ["/categories", "/channels"]),
        (profile("a", overrides={"a/b~c": "sms"}), ["/overrides/a~1b~0c"]),
        (profile("a", overrides={"finance": "pigeon fax"}), ["/overrides/finance"] * 2),
    ],
)
def test_every_problem_of_a_profile_is_named(person: Profile, wrong: list[str]) -> None:
    assert problems(person) == wrong


def test_an_address_is_needed_for_what_is_chosen_anywhere() -> None:
    only_phone = replace(ADA, addresses={"phone": "+1"})
    assert problems(only_phone) == ["/overrides/finance"]
    assert problems(replace(only_phone, preferences=Preferences())) == []


def test_errors_say_where() -> None:
    wrong = Invalid([Problem("/title", "too long"), Problem("", "odd")])
    assert str(wrong) == "/title: too long; /: odd"
    assert [p.pointer for p in wrong.under("/3").problems] == ["/3/title", "/3"]
    assert isinstance(KeyReused.at("", "x").under("/1"), KeyReused)
    assert Unavailable("full").retry_after_seconds == 5
    assert issubclass(Conflict, NoteflyError)


def test_the_channels_of_a_message_add_up() -> None:
    message = Message(MessageId("m"), MessageKey(1), Epoch(1), NOON, GOAL)
    counts = {"sms": {State.DEAD: 1, State.PENDING: 2}, "email": {State.DEAD: 3}}
    status = MessageStatus(message, MessageState.DELIVERING, 6, counts)
    assert status.by_state == dict.fromkeys(State, 0) | {State.DEAD: 4, State.PENDING: 2}
