"""The names of things: opaque strings at the edge, integers inside the store."""

import re
from typing import NewType
from uuid import UUID

from notefly.domain.errors import NotFound

MessageId = NewType("MessageId", str)
"""A UUIDv7 in its canonical text form."""
SubscriberId = NewType("SubscriberId", str)
DeliveryId = NewType("DeliveryId", str)
MessageKey = NewType("MessageKey", int)
SubscriberKey = NewType("SubscriberKey", int)
BatchKey = NewType("BatchKey", int)
Epoch = NewType("Epoch", int)

OPEN = Epoch(2**63 - 1)
"""`to_epoch` of a subscription that has not ended."""

NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
"""What a category, a channel or an address kind may be called."""
SUBSCRIBER_ID = re.compile(r"[A-Za-z0-9._~@:-]{1,128}")


def delivery_id(message: MessageId, channel: str, subscriber: SubscriberKey) -> DeliveryId:
    """The id of a delivery exists before any row of it, because it is made of what it is about.

    A dot joins the three, so that an e-mail's Message-ID can carry it as it is (RFC 5322 dot-atom).
    """
    return DeliveryId(f"{message}.{channel}.{subscriber}")


def parse_delivery_id(text: str) -> tuple[MessageId, str, SubscriberKey]:
    """The three parts. Raises NotFound for anything that `delivery_id` would not have made."""
    parts = text.split(".")
    if len(parts) == 3 and NAME.fullmatch(parts[1]) and re.fullmatch(r"[1-9][0-9]{0,17}", parts[2]):
        message = parse_message_id(parts[0])
        return message, parts[1], SubscriberKey(int(parts[2]))
    raise NotFound(f"there is no delivery {text!r}")


def parse_message_id(text: str) -> MessageId:
    """Raises NotFound for what is not a canonical UUID: such a message cannot exist."""
    try:
        if str(UUID(text)) == text:
            return MessageId(text)
    except ValueError:
        pass
    raise NotFound(f"there is no message {text!r}")
