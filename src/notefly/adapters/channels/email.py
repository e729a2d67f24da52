"""E-mail, in log mode."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from notefly.adapters.channels import headers
from notefly.adapters.channels.log_mode import NO_PROBLEMS, LogMode
from notefly.domain.batch import Recipient
from notefly.domain.errors import ChannelUnusable
from notefly.domain.ids import delivery_id
from notefly.domain.message import LINE_OR_CONTROL, Content, Message
from notefly.ports.channel import Channel, Rendering

SENDER = "Notefly <notefly@localhost>"
SUBJECT_LIMIT = 78
"""Characters of a subject that is taken from the body."""
LINE_LIMIT = 998
"""Bytes of a line that may go out as it is (RFC 5322, 2.1.1); longer ones are encoded."""


class EmailChannel(LogMode):
    """One part of plain text: no boundary, so nothing in it could be random."""

    name: Final = "email"
    address_kind: Final = "email"

    def __init__(self, sender: str = SENDER) -> None:
        """Raises ChannelUnusable for a sender that is not exactly one address."""
        self._sender = sender_of(sender)

    def normalise(self, address: str) -> str:
        """As email-validator spells it; `.test` is accepted (RFC 6761). Nothing is looked up."""
        try:
            return validated(address.strip()).normalized
        except EmailNotValidError as error:
            # What follows is a list of what was found there: an address must not end in a log.
            reason = str(error).partition(":")[0].partition("(")[0].strip().rstrip(".")
            raise ValueError(
                f"is not an e-mail address that can be used: write name@domain.tld ({reason})"
            ) from None

    def check(self, content: Content) -> Mapping[str, str]:
        """The title becomes the subject, where a line break would begin another header."""
        if content.title is not None and LINE_OR_CONTROL.search(content.title):
            return {"title": "must not hold control characters or line breaks"}
        return NO_PROBLEMS

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """The message of RFC 5322, CRLF included."""
        address = on_the_wire(headers.tidy(recipient.address))
        subject, encoding = subject_of(message.content), transfer_encoding(message.content.body)
        mail = EmailMessage(SMTP if address.isascii() else SMTP.clone(utf8=True))
        for header in self._headers(message, recipient, address, subject):
            mail[header.name] = header
        mail.set_content(message.content.body, cte=encoding)
        raw = mail.as_bytes()
        facts: dict[str, str | int] = {
            "subject": subject,
            "encoding": encoding,
            "bytes": len(raw),
        }
        return Rendering("message/rfc822", raw.decode(), facts)

    def _headers(
        self, message: Message, recipient: Recipient, address: str, subject: str
    ) -> Iterator[headers.Header]:
        to = headers.mailbox(headers.tidy(recipient.name), address)
        sender = headers.mailbox(self._sender.display_name, self._sender.addr_spec)
        accepted_at = format_datetime(message.accepted_at.astimezone(UTC))
        yield headers.Header("Date", accepted_at)
        yield headers.Header("From", sender)
        yield headers.Header("To", to)
        yield headers.Header("Subject", headers.text(subject))
        delivery = delivery_id(message.id, self.name, recipient.subscriber)
        yield headers.Header("Message-ID", f"<{delivery}@{self._sender.domain}>")
        yield headers.Header("Auto-Submitted", "auto-generated")
        yield headers.Header("X-Notefly-Message", message.id)
        yield headers.Header("X-Notefly-Category", headers.text(message.content.category))


def sender_of(written: str) -> Address:
    """Raises ChannelUnusable for what is not exactly one address in ASCII."""
    if not LINE_OR_CONTROL.search(written):
        mail = EmailMessage()
        try:
            mail["From"] = written
        except (MessageError, ValueError):
            pass
        else:
            found: tuple[Address, ...] = mail["From"].addresses
            usable = len(found) == 1 and found[0].domain and found[0].addr_spec.isascii()
            if usable and not mail["From"].defects:
                return found[0]
    raise ChannelUnusable(f"the sender of e-mail must look like {SENDER!r}, not {written!r}")


def validated(address: str) -> ValidatedEmail:
    """Raises EmailNotValidError."""
    return validate_email(address, check_deliverability=False, test_environment=True)


def on_the_wire(address: str) -> str:
    """An international domain travels as Punycode; only a local part needs SMTPUTF8 (RFC 6531)."""
    if address.isascii():
        return address
    try:
        return validated(address).ascii_email or address
    except EmailNotValidError:
        return address


def subject_of(content: Content) -> str:
    """The title, else the first line that says something, else the category."""
    if content.title is not None:
        return headers.tidy(content.title)
    lines = (headers.tidy(line) for line in content.body.splitlines())
    subject = next(filter(None, lines), content.category)
    return subject if len(subject) <= SUBJECT_LIMIT else subject[: SUBJECT_LIMIT - 1] + "…"


def transfer_encoding(body: str) -> str:
    """The most readable one that carries it (RFC 2045, 6; 8-bit needs RFC 6152, which all have)."""
    raw = body.encode()
    if any(len(line) > LINE_LIMIT for line in raw.splitlines()):
        return "quoted-printable"
    return "7bit" if raw.isascii() else "8bit"


_meets_the_port: Callable[[], Channel] = EmailChannel
