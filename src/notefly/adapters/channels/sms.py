"""Text messages, in log mode."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import phonenumbers

from notefly.adapters.channels.gsm import segmentation
from notefly.adapters.channels.log_mode import NO_PROBLEMS, LogMode
from notefly.domain.batch import Recipient
from notefly.domain.message import Content, Message
from notefly.ports.channel import Channel, Rendering

SEGMENT_LIMIT = 255
"""The header that joins segments counts them in one byte (3GPP TS 23.040, 9.2.3.24.1)."""
SURELY_FITS = SEGMENT_LIMIT * 66 // 2
"""Characters that fit whatever they are: of two units each, with one lost in every segment."""

INTERNATIONAL = re.compile(r"\+[0-9 ()./-]{3,40}")
HOW_TO_WRITE = "write it in international form, + and the country code first, such as +14155550123"
WRONG_LENGTH = {
    phonenumbers.ValidationResult.TOO_SHORT: "is too short for its country",
    phonenumbers.ValidationResult.TOO_LONG: "is too long for its country",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}


class SmsChannel(LogMode):
    """The title, if there is one, stands on a line of its own before the body."""

    name: Final = "sms"
    address_kind: Final = "phone"

    def normalise(self, address: str) -> str:
        """E.164. Raises ValueError for what no country could have given out.

        The length is checked, not the assigned ranges: those change faster than any table of them.
        """
        written = address.strip()
        if not INTERNATIONAL.fullmatch(written):
            raise ValueError(f"is not a phone number in international form: {HOW_TO_WRITE}")
        spelled = e164(written)
        if e164(spelled) != spelled:
            # A national prefix was taken off, and another one came to light: 0 0 0 …
            raise ValueError(f"has more zeros than its country uses: {HOW_TO_WRITE}")
        return spelled

    def check(self, content: Content) -> Mapping[str, str]:
        """Too long is what the segments of one SMS cannot be numbered for."""
        if len(content.body) + len(content.title or "") < SURELY_FITS:
            return NO_PROBLEMS
        segments = segmentation(text_of(content)).segments
        if segments <= SEGMENT_LIMIT:
            return NO_PROBLEMS
        return {"body": f"makes {segments} SMS segments; shorten it to at most {SEGMENT_LIMIT}"}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """The text as the phone shows it; the facts are what an operator would bill."""
        text = text_of(message.content)
        cut = segmentation(text)
        facts: dict[str, str | int] = {
            "encoding": cut.encoding,
            "units": cut.units,
            "segments": cut.segments,
        }
        return Rendering("text/plain; charset=utf-8", text, facts)


def e164(written: str) -> str:
    """Raises ValueError."""
    try:
        number = phonenumbers.parse(written)
    except phonenumbers.NumberParseException:
        raise ValueError(f"does not begin with a country code: {HOW_TO_WRITE}") from None
    result = phonenumbers.is_possible_number_with_reason(number)
    if result != phonenumbers.ValidationResult.IS_POSSIBLE:
        wrong = WRONG_LENGTH.get(result, "has a length that its country does not use")
        raise ValueError(f"{wrong}: {HOW_TO_WRITE}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def text_of(content: Content) -> str:
    """A line break costs one septet, and does not clash with a title that ends in `!`."""
    return content.body if content.title is None else f"{content.title}\n{content.body}"


_meets_the_port: Callable[[], Channel] = SmsChannel
