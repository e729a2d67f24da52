"""A channel in one class that brings an address kind of its own."""

import re
from collections.abc import Mapping

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused
from notefly.ports.channel import HandOver, Rendering

NUMBER = re.compile(r"[0-9]{4,7}")
DISPLAY = 80
SWITCHED_OFF = "0000"


class PagerChannel:
    """Numbers of four to seven digits; shows the first 80 characters."""

    name = "pager"
    address_kind = "pager_number"
    batch_size = 50
    per_recipient = True

    def normalise(self, address: str) -> str:
        """Digits, without the blanks and dashes that people write between them."""
        number = re.sub(r"[ -]", "", address)
        if not NUMBER.fullmatch(number):
            raise ValueError("write the pager's number: four to seven digits")
        return number

    def check(self, content: Content) -> Mapping[str, str]:
        """Everything can be shown: what is too long is cut."""
        return {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """The display of the pager."""
        text = (message.content.title or message.content.body)[:DISPLAY]
        return Rendering("text/plain; charset=utf-8", text, {"characters": len(text)})

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Refuses the number that is switched off, and delivers to all others."""
        off: dict[SubscriberKey, Outcome] = {
            r.subscriber: Refused("this pager is switched off")
            for r in hand_over.recipients
            if r.address == SWITCHED_OFF
        }
        return Outcomes(Delivered(), off)
