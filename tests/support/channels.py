"""Channels that do what a test tells them to."""

from collections.abc import Awaitable, Callable, Mapping

from notefly.domain.batch import Recipient
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import Channel, HandOver, Rendering

Answer = Callable[[HandOver], Awaitable[Outcomes]]


async def deliver(_: HandOver) -> Outcomes:
    return Outcomes(Delivered())


class Scripted:
    """Answers by `answer`; remembers every hand-over, and whom it called (per recipient)."""

    def __init__(
        self,
        name: str = "sms",
        address_kind: str = "phone",
        *,
        per_recipient: bool = True,
        batch_size: int = 1_000,
        answer: Answer = deliver,
    ) -> None:
        self.name = name
        self.address_kind = address_kind
        self.per_recipient = per_recipient
        self.batch_size = batch_size
        self.answer = answer
        self.calls: list[HandOver] = []

    @property
    def called(self) -> list[str]:
        return [person.subscriber_id for call in self.calls for person in call.recipients]

    def normalise(self, address: str) -> str:
        if "!" in address:
            raise ValueError("must not hold '!'")
        return address.strip()

    def check(self, content: Content) -> Mapping[str, str]:
        return {"body": "too long"} if len(content.body) > 100 else {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        text = f"{recipient.name} <{recipient.address}>: {message.content.body}"
        return Rendering("text/plain", text, {"length": len(text)})

    async def send(self, hand_over: HandOver) -> Outcomes:
        self.calls.append(hand_over)
        return await self.answer(hand_over)


def _meets(channel: Scripted) -> Channel:
    return channel
