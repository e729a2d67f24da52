"""A channel in one class that shares an address kind: whoever has a phone number has WhatsApp."""

import json
from collections.abc import Mapping

from notefly.domain.batch import Recipient
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver, Rendering

TEXT_LIMIT = 4_096


class WhatsAppChannel:
    """Log mode: renders what it would post, and posts nothing."""

    name = "whatsapp"
    address_kind = "phone"
    batch_size = 200
    per_recipient = True

    def normalise(self, address: str) -> str:
        """`sms`, where it is configured first, decides for both; this is enough without it."""
        digits = "".join(c for c in address if c.isascii() and c.isdigit())
        if not address.strip().startswith("+") or not 8 <= len(digits) <= 15:
            raise ValueError("write the number with + and its country code, such as +14155550123")
        return f"+{digits}"

    def check(self, content: Content) -> Mapping[str, str]:
        """What the provider would refuse for everybody is refused at publish."""
        if len(content.body) + len(content.title or "") + 4 > TEXT_LIMIT:
            return {"body": f"shorten it: text and title have {TEXT_LIMIT:,} characters together"}
        return {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        """The title is bold, as WhatsApp spells it."""
        content = message.content
        text = content.body if content.title is None else f"*{content.title}*\n{content.body}"
        body = json.dumps({"to": recipient.address, "type": "text", "text": {"body": text}})
        return Rendering("application/json", body, {"characters": len(text)})

    async def send(self, hand_over: HandOver) -> Outcomes:
        """One answer for everybody; `exceptions` would name the ones who got another."""
        return Outcomes(Delivered())
