"""Messages and recipients as short as a test needs them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from notefly.domain.batch import Recipient
from notefly.domain.ids import Epoch, MessageId, MessageKey, SubscriberKey
from notefly.domain.message import Content, Message
from notefly.ports.channel import HandOver

ID = MessageId("0192f0c1-2b3c-7d4e-8f50-617283940516")
ACCEPTED_AT = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)


def message(
    body: str = "Goal!", title: str | None = None, accepted_at: datetime = ACCEPTED_AT
) -> Message:
    content = Content("sports", body, title)
    return Message(ID, MessageKey(5), Epoch(3), accepted_at, content)


def recipient(address: str, key: int = 1, name: str = "Ada Lovelace") -> Recipient:
    return Recipient(SubscriberKey(key), f"s-{key}", name, address)


def hand_over(
    addresses: Sequence[str], body: str = "Goal!", attempt: int = 1, channel: str = "test"
) -> HandOver:
    """Subscribers 1, 2, 3 … at these addresses."""
    recipients = [recipient(a, key) for key, a in enumerate(addresses, 1)]
    return HandOver(message(body), channel, attempt, len(recipients), recipients)
