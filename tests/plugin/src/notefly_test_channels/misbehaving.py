"""Channels that a broker must survive. What they do depends on the address alone, every time.

An address acts by its first word: `exit-7` exits as `exit` does, and any other is delivered.
"""

import asyncio
import os
import time
from collections.abc import Mapping

from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Refused, Retry
from notefly.ports.channel import HandOver
from notefly_test_channels.box import BoxChannel

EXIT_STATUS = 3
CHUNK = 16 << 20


def asked(hand_over: HandOver, word: str) -> bool:
    """Whether somebody's address begins with this word."""
    return any(r.address.split("-")[0] == word for r in hand_over.recipients)


class ExitingChannel(BoxChannel):
    """`exit`: leaves without a word."""

    name = "exiting"

    async def send(self, hand_over: HandOver) -> Outcomes:
        if asked(hand_over, "exit"):
            os._exit(EXIT_STATUS)
        return Outcomes(Delivered())


class HangingChannel(BoxChannel):
    """`hang`: waits for ever; `block`: the same, and holds up its event loop."""

    name = "hanging"

    async def send(self, hand_over: HandOver) -> Outcomes:
        if asked(hand_over, "hang"):
            await asyncio.Event().wait()
        while asked(hand_over, "block"):
            time.sleep(3600)  # noqa: ASYNC251 - this is what it is for
        return Outcomes(Delivered())


class HungryChannel(BoxChannel):
    """`eat`: takes memory until there is no more."""

    name = "hungry"

    async def send(self, hand_over: HandOver) -> Outcomes:
        eaten = []
        while asked(hand_over, "eat"):
            eaten.append(b"\1" * CHUNK)
        return Outcomes(Delivered())


class FlakyChannel(BoxChannel):
    """`raise`, `retry`, `refuse`, `once` (retry at the first attempt), `later` (wait an hour).

    `raise` is about the whole hand-over, the others about their recipient. A message whose text is
    one of these words does the same to everybody. `tell` refuses and `yell` raises with the address
    in its words.
    """

    name = "flaky"

    async def send(self, hand_over: HandOver) -> Outcomes:
        words: Mapping[str, Outcome] = {
            "retry": Retry("the provider is busy"),
            "refuse": Refused("the provider does not know this box"),
            "once": Retry("not at first") if hand_over.attempt == 1 else Delivered("at last"),
            "later": Retry("the provider asks for patience", 3600.0),
        }
        body = hand_over.message.content.body
        if body == "raise" or asked(hand_over, "raise"):
            raise RuntimeError("the provider's library has a bug")
        exceptions: dict[SubscriberKey, Outcome] = {}
        for recipient in hand_over.recipients:
            if (word := recipient.address.split("-")[0]) == "yell":
                raise RuntimeError(f"no such box: {recipient.address}")
            if word == "tell":
                told = f"{recipient.name} <{recipient.address}> is unknown"
                exceptions[recipient.subscriber] = Refused(told)
            if word in words:
                exceptions[recipient.subscriber] = words[word]
        return Outcomes(words.get(body, Delivered()), exceptions)
