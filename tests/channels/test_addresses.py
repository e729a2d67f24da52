import pytest
from hypothesis import given
from hypothesis import strategies as st

from notefly.adapters.channels.email import EmailChannel
from notefly.adapters.channels.push import PushChannel
from notefly.adapters.channels.sms import SmsChannel
from notefly.ports.channel import Channel


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("+14155550123", "+14155550123"),
        ("  +1 (415) 555-0123 ", "+14155550123"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+39 06 1234567", "+39061234567"),
        ("+15551234567", "+15551234567"),
    ],
)
def test_a_phone_number_becomes_e164(written: str, spelled: str) -> None:
    assert SmsChannel().normalise(written) == spelled


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "international form"),
        ("2025550143", "international form"),
        ("001 202 555 0143", "international form"),
        ("tel:+12025550143", "international form"),
        ("+1 800 FLOWERS", "international form"),
        ("+49 30 1234567 ext. 5", "international form"),
        ("+\uff11" + "4155550123", "international form"),
        ("+1\n4155550123", "international form"),
        ("+999123456789", "country code"),
        ("+1555", "too short"),
        ("+1415555012345", "too long"),
        ("+1 2530000", "area code"),
        ("+200000000000", "zeros"),
    ],
)
def test_what_is_no_phone_number(written: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        SmsChannel().normalise(written)
    assert "such as +14155550123" in str(refused.value)
    assert not written or written not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada.Lovelace+news@EXAMPLE.com ", "Ada.Lovelace+news@example.com"),
        ("ada@team.example", "ada@team.example"),
        ("ada@team.test", "ada@team.test"),
        ("ada@ex\u00e4mple.com", "ada@ex\u00e4mple.com"),
        ("ada@exa\u0308mple.com", "ada@ex\u00e4mple.com"),
        ("ada@xn--exmple-cua.com", "ada@ex\u00e4mple.com"),
    ],
)
def test_an_email_address_becomes_normal(written: str, spelled: str) -> None:
    assert EmailChannel().normalise(written) == spelled


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@@example.com",
        "Ada <ada@example.com>",
        "ada@example.com, eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada\r\n@example.com",
        '"ada lovelace"@example.com',
        "ada@[127.0.0.1]",
        "ada@printer.local",
        "a" * 250 + "@example.com",
        "ada@" + "a" * 64 + ".com",
    ],
)
def test_what_is_no_email_address(written: str) -> None:
    with pytest.raises(ValueError, match=r"write name@domain\.tld") as refused:
        EmailChannel().normalise(written)
    assert not written or written not in str(refused.value)


def test_a_push_token_stays_as_it_is() -> None:
    tokens = ["a", "~!:/?=", "a" * 4_096]
    assert [PushChannel().normalise(token) for token in tokens] == tokens


@pytest.mark.parametrize("token", ["", "a" * 4_097, "two words", "a\n", "tökén", "\x7f"])
def test_what_is_no_push_token(token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as refused:
        PushChannel().normalise(token)
    assert not token or token not in str(refused.value)


def spelled_or_none(channel: Channel, written: str) -> str | None:
    try:
        return channel.normalise(written)
    except ValueError:
        return None


@given(st.from_regex(r"\+[1-9][0-9 ()-]{6,16}", fullmatch=True))
def test_a_spelled_phone_number_stays_as_it_is(written: str) -> None:
    channel = SmsChannel()
    if spelled := spelled_or_none(channel, written):
        assert channel.normalise(spelled) == spelled


@given(st.one_of(st.emails(), st.text(max_size=30).map("a@{}.com".format), st.text()))
def test_a_spelled_email_address_stays_as_it_is(written: str) -> None:
    channel = EmailChannel()
    if spelled := spelled_or_none(channel, written):
        assert channel.normalise(spelled) == spelled


@given(st.text(st.characters()), st.sampled_from([SmsChannel, EmailChannel, PushChannel]))
def test_nothing_but_a_value_error(written: str, make: type[SmsChannel | EmailChannel]) -> None:
    spelled_or_none(make(), written)
