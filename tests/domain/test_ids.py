import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.domain.errors import NotFound
from notefly.domain.ids import (
    NAME,
    MessageId,
    SubscriberKey,
    delivery_id,
    parse_delivery_id,
    parse_message_id,
)

ID = "0192f0c1-2b3c-7d4e-8f50-617283940516"


@given(st.uuids(), st.from_regex(NAME, fullmatch=True), st.integers(1, 10**18 - 1))
def test_a_delivery_id_says_what_it_is_about(uuid: object, channel: str, key: int) -> None:
    message = MessageId(str(uuid))
    made = delivery_id(message, channel, SubscriberKey(key))
    assert parse_delivery_id(made) == (message, channel, key)


@given(st.text(max_size=60))
def test_what_is_no_id_names_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        parse_delivery_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        ID,
        f"{ID}.sms",
        f"{ID}.sms.0",
        f"{ID}.sms.01",
        f"{ID}.sms.-1",
        f"{ID}.sms.1.2",
        f"{ID}.sms.1 ",
        f"{ID}.sms.1\n",
        f"{ID}.sms.\N{ARABIC-INDIC DIGIT ONE}",
        f"{ID}.sms.{10**18}",
        f"{ID}.SMS.1",
        f"{ID}..1",
        f"{ID.upper()}.sms.1",
        f"{{{ID}}}.sms.1",
        f"{ID[:-1]}.sms.1",
        f"{ID.replace('-', '')}.sms.1",
    ],
)
def test_almost_an_id_is_none(text: str) -> None:
    with pytest.raises(NotFound, match="there is no"):
        parse_delivery_id(text)


def test_message_ids_have_one_spelling() -> None:
    assert parse_message_id(ID) == ID
    for text in (ID.upper(), f"urn:uuid:{ID}", f" {ID}", "x"):
        with pytest.raises(NotFound):
            parse_message_id(text)
