import json
from datetime import timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notefly.adapters.channels import headers
from notefly.adapters.channels.email import EmailChannel
from notefly.adapters.channels.log_mode import RENDERER_VERSION
from notefly.adapters.channels.push import FRAME, PAYLOAD_LIMIT, PushChannel, payload_of
from notefly.adapters.channels.sms import SURELY_FITS, SmsChannel
from notefly.domain.errors import ChannelUnusable
from notefly.domain.message import Content
from notefly.ports.channel import Channel
from tests.channels.builders import ACCEPTED_AT, ID, message, recipient

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
ANYTHING = st.text(st.characters(), max_size=400)
LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029"),
    min_size=1,
    max_size=200,
)
MAKERS = [SmsChannel, EmailChannel, PushChannel]
WRITTEN_AT_1 = {
    "sms": "Goal!\nAda scored \u2013 1:0",
    "push": (
        '{"title":"Goal!","body":"Ada scored \u2013 1:0","category":"sports",'
        f'"message_id":"{ID}"}}'
    ),
    "email": (
        "Date: Wed, 04 Mar 2026 05:06:07 +0000\r\n"
        "From: Notefly <notefly@localhost>\r\n"
        "To: Ada Lovelace <a@example.com>\r\n"
        "Subject: Goal!\r\n"
        f"Message-ID: <{ID}.email.1@localhost>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        f"X-Notefly-Message: {ID}\r\n"
        "X-Notefly-Category: sports\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: 8bit\r\n"
        "MIME-Version: 1.0\r\n"
        "\r\n"
        "Ada scored \u2013 1:0\r\n"
    ),
}


@pytest.mark.parametrize("make", MAKERS)
def test_what_version_1_writes(make: type[SmsChannel]) -> None:
    """A wanted change of these texts moves RENDERER_VERSION on."""
    channel = make()
    rendering = channel.render(
        message("Ada scored \u2013 1:0", "Goal!"), recipient("a@example.com")
    )
    assert (RENDERER_VERSION, rendering.text) == (1, WRITTEN_AT_1[channel.name])


@pytest.mark.parametrize("make", MAKERS)
@given(body=TEXT, title=st.none() | LINE, name=LINE, hours=st.integers(-12, 12))
def test_rendering_is_pure(
    make: type[SmsChannel], body: str, title: str | None, name: str, hours: int
) -> None:
    """The same moment told in another time zone is the same argument."""
    elsewhere = ACCEPTED_AT.astimezone(timezone(timedelta(hours=hours)))
    person = recipient("a@example.com", name=name)
    first = make().render(message(body, title), person)
    again = make().render(message(body, title, elsewhere), person)
    assert first == again


def test_the_facts_of_a_text_message() -> None:
    rendering = SmsChannel().render(message("x" * 160, "T"), recipient("+14155550123"))
    assert rendering.facts == {"encoding": "GSM-7", "units": 162, "segments": 2}
    rendering = SmsChannel().render(message("я" * 70), recipient("+14155550123"))
    assert rendering.facts == {"encoding": "UCS-2", "units": 70, "segments": 1}


def test_a_text_message_has_at_most_255_segments() -> None:
    channel = SmsChannel()
    longest = "a" * (255 * 153)
    assert not channel.check(Content("sports", longest))
    assert channel.check(Content("sports", longest + "a"))["body"].startswith("makes 256 SMS")
    assert not channel.check(Content("sports", "😀" * (SURELY_FITS - 1)))
    assert SmsChannel().render(message("😀" * (SURELY_FITS - 1)), recipient("")).facts == {
        "encoding": "UCS-2",
        "units": 2 * (SURELY_FITS - 1),
        "segments": 255,
    }


@given(body=TEXT, title=st.none() | LINE)
def test_a_payload_says_everything_but_the_token(body: str, title: str | None) -> None:
    rendering = PushChannel().render(message(body, title), recipient("the-secret-token"))
    said = json.loads(rendering.text)
    expected = {"title": title, "body": body, "category": "sports", "message_id": ID}
    assert said == {name: value for name, value in expected.items() if value is not None}
    assert rendering.facts == {"bytes": len(rendering.text.encode()), "limit": PAYLOAD_LIMIT}


@given(
    body=TEXT.flatmap(lambda text: st.integers(1, 30).map(lambda times: text * times)),
    title=st.none() | LINE,
)
@example(body="a" * (4_096 - len(payload_of(Content("sports", ""), ID))), title=None)
@example(body="a" * (4_097 - len(payload_of(Content("sports", ""), ID))), title=None)
@example(body="\x01" * 665, title=None)
@example(body="\x01" * 666, title=None)
def test_the_check_of_a_payload_is_its_size(body: str, title: str | None) -> None:
    rendering = PushChannel().render(message(body, title), recipient("token"))
    size = rendering.facts["bytes"]
    assert isinstance(size, int)
    found = PushChannel().check(Content("sports", body, title))
    assert bool(found) == (size > PAYLOAD_LIMIT)
    assert not found or f"{size:,} bytes" in found["body"]


def test_the_frame_of_a_payload_is_bounded() -> None:
    assert len(payload_of(Content("", "", ""), ID)) <= FRAME


@pytest.mark.parametrize("make", MAKERS)
@given(body=ANYTHING, title=st.none() | ANYTHING, category=ANYTHING)
@example(body="\ud800" * 9_000, title="\udfff", category="x" * 5_000)
def test_a_check_fails_for_nothing(
    make: type[SmsChannel], body: str, title: str | None, category: str
) -> None:
    """It is asked about content that the domain's own rules refuse, too."""
    assert make().check(Content(category, body, title)).keys() <= {"title", "body"}


@given(name=LINE, title=LINE, body=TEXT)
@example(name="0 0000ࠀࠀࠀࠀࠀࠀࠀࠀࠀࠀࠀࠀࠀ :", title='a, "b" <c>', body="")
@example(name='Ada, "the" Countess', title="=?utf-8?b?R29hbCE=?=", body="\r\n.\r\n")
@example(name="(Ada) \\", title="x " * 100, body="\x0bx\x85y\u2028z" * 300)
def test_a_mail_says_what_it_was_given(name: str, title: str, body: str) -> None:
    rendering = EmailChannel().render(message(body, title), recipient("a@example.com", name=name))
    raw = rendering.text.encode()
    assert rendering.facts["bytes"] == len(raw)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    plain = message_from_bytes(raw)
    shown, address = parseaddr(plain["To"])
    assert (unfolded(shown), address) == (headers.tidy(name), "a@example.com")
    assert unfolded(plain["Subject"]) == headers.tidy(title)
    assert list(plain.keys()) == HEADERS
    content = message_from_bytes(raw, policy=default).get_content()
    assert content.replace("\r\n", "\n") == "\n".join(lines_of(body)) + "\n"


HEADERS = [
    *("Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted"),
    *("X-Notefly-Message", "X-Notefly-Category"),
    *("Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
]


def unfolded(header: str) -> str:
    """As a reader shows it: an independent decoder, the older one of the standard library."""
    return str(make_header(decode_header(header))).replace("\r\n", "")


def lines_of(body: str) -> list[str]:
    """The lines of a mail end at CR and LF only, whatever else Python calls a line end."""
    return [line.decode() for line in body.encode().splitlines()]


@pytest.mark.parametrize(
    ("body", "title", "subject"),
    [
        ("Ada scored", "Goal!", "Goal!"),
        ("\n  Ada   scored \nand again", None, "Ada scored"),
        ("x" * 78, None, "x" * 78),
        ("x" * 79, None, "x" * 77 + "…"),
        ("\x07\n", None, "sports"),
        ("Goal!", "Ada\r\nBcc: eve@example.com", "Ada Bcc: eve@example.com"),
        ("Goal!", "Ada\x0bEve", "Ada Eve"),
    ],
)
def test_the_subject(body: str, title: str | None, subject: str) -> None:
    rendering = EmailChannel().render(message(body, title), recipient("a@example.com"))
    assert rendering.facts["subject"] == subject
    assert "Bcc" not in message_from_bytes(rendering.text.encode())


@pytest.mark.parametrize("control", ["\n", "\r", "\x0b", "\x85", "\u2028", "\x7f", "\0"])
def test_a_subject_with_a_control_character_is_refused(control: str) -> None:
    found = EmailChannel().check(Content("sports", "Goal!", f"Ada{control}Bcc: eve@example.com"))
    assert found == {"title": "must not hold control characters or line breaks"}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("Goal!", "7bit"),
        ("Gól!", "8bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("я" * 500, "quoted-printable"),
    ],
)
def test_the_encoding_of_a_mail(body: str, encoding: str) -> None:
    rendering = EmailChannel().render(message(body), recipient("a@example.com"))
    assert rendering.facts["encoding"] == encoding


def test_an_international_address() -> None:
    """A domain has a form in ASCII; a local part has none, and makes the whole mail UTF-8."""
    channel = EmailChannel()
    assert (
        " <a@xn--exmple-cua.com>\r\n" in channel.render(message(), recipient("a@exämple.com")).text
    )
    assert " <ä@example.com>\r\n" in channel.render(message(), recipient("ä@example.com")).text


@pytest.mark.parametrize("make", MAKERS)
def test_a_preview_has_no_address(make: type[SmsChannel]) -> None:
    channel: Channel = make()
    assert channel.render(message(), recipient(f"({channel.address_kind})")).text


def test_the_sender_is_a_setting() -> None:
    rendering = EmailChannel("Zoë's News <news@team.example>").render(
        message(), recipient("a@example.com")
    )
    mail = message_from_bytes(rendering.text.encode(), policy=default)
    assert str(mail["From"]) == "Zoë's News <news@team.example>"
    assert mail["Message-ID"].endswith("@team.example>")


@pytest.mark.parametrize(
    "sender", ["", "Notefly", "a@b, c@d", "Ada\n<a@b>", "a@exämple.com", "Ada <a@b> <c@d>", "<>"]
)
def test_a_sender_that_is_none(sender: str) -> None:
    with pytest.raises(ChannelUnusable, match="must look like"):
        EmailChannel(sender)
