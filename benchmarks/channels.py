"""Channels for measuring: called per hand-over, in process, with an answer for each recipient."""

import asyncio
from collections.abc import Mapping

from typing_extensions import override

from notefly.adapters.channels.log_mode import NO_PROBLEMS
from notefly.domain.batch import BATCH_LIMIT, Recipient
from notefly.domain.message import Content, Message
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import Channel, HandOver, Rendering

A_DAY = 86_400.0


class CalledChannel:
    """Accepts everybody, each with a provider's id of their own."""

    batch_size = BATCH_LIMIT
    per_recipient = True

    def __init__(self, name: str, address_kind: str) -> None:
        self.name = name
        self.address_kind = address_kind

    def normalise(self, address: str) -> str:
        return address

    def check(self, content: Content) -> Mapping[str, str]:
        return NO_PROBLEMS

    def render(self, message: Message, recipient: Recipient) -> Rendering:
        return Rendering("text/plain", message.content.body, {})

    async def send(self, hand_over: HandOver) -> Outcomes:
        return Outcomes(
            Refused("not in the hand-over"),
            {r.subscriber: Delivered(f"id-{r.subscriber}") for r in hand_over.recipients},
        )


class SmsPlugin(CalledChannel):
    """The same as a team installs it: made without arguments, in a process of its own."""

    def __init__(self) -> None:
        super().__init__("sms", "phone")


class EmailPlugin(CalledChannel):
    """The other one."""

    def __init__(self) -> None:
        super().__init__("email", "email")


class AwkwardChannel(CalledChannel):
    """Ends in every way there is: refused, told to wait, accepted, or no answer at all.

    What becomes of somebody hangs on their key; a body that says `hang` is never answered.
    """

    @override
    async def send(self, hand_over: HandOver) -> Outcomes:
        if hand_over.message.content.body == "hang":
            await asyncio.Event().wait()
        ends: tuple[Outcome, ...] = (
            Refused("no such number"),
            Retry("come back later", A_DAY),
            Delivered("accepted"),
        )
        return Outcomes(
            Delivered(), {r.subscriber: ends[r.subscriber % 3] for r in hand_over.recipients}
        )


def _meets(called: CalledChannel, awkward: AwkwardChannel) -> tuple[Channel, Channel]:
    return called, awkward
