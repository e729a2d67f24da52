"""A channel that repeats what it is given, wherever a channel can say something."""

import sys
from collections.abc import Mapping

from notefly.domain.batch import Recipient
from notefly.domain.ids import SubscriberKey
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import HandOver, Rendering


class ParrotChannel:
    """Any text but none is an address. The title of a message says how it is answered.

    `raise` raises with the addresses in the text of the exception, `print` prints them, `refuse`
    and `retry` answer with the address of each; any other title is the detail of a refusal.
    """

    name = "parrot"
    address_kind = "perch"
    batch_size = 100
    per_recipient = True

    def normalise(self, address: str) -> str:
        if not address:
            raise ValueError("is empty; any text is an address here")
        return address

    def check(self, content: Content) -> Mapping[str, str]:
        return {}

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        facts = {"address": recipient.address, "title": message.content.title or ""}
        return Rendering("text/html", message.content.body, facts)

    async def send(self, hand_over: HandOver) -> Outcomes:
        said = hand_over.message.content.title or ""
        everybody = " and ".join(r.address for r in hand_over.recipients)
        if said == "raise":
            raise RuntimeError(f"nobody is called {everybody}")
        if said == "print":
            print(f"told {everybody}")  # noqa: T201 - what channels of teams do
            print(f"told {everybody} again", file=sys.stderr)  # noqa: T201
            return Outcomes(Delivered(f"told {everybody}"))
        answers: dict[SubscriberKey, Outcome] = {}
        for recipient in hand_over.recipients:
            about = f"nobody is called {recipient.address}"
            answers[recipient.subscriber] = Retry(about) if said == "retry" else Refused(about)
        return Outcomes(Refused(said), answers if said in ("refuse", "retry") else {})
