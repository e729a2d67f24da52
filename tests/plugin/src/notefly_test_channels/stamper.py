"""A slow channel that says when each call was made, by a clock that every process shares."""

import asyncio
import os
import time

from notefly.domain.outcome import Delivered, Outcomes
from notefly.ports.channel import HandOver
from notefly_test_channels.box import BoxChannel

SECONDS_EACH = 0.003


class StampingChannel(BoxChannel):
    """One line, "id attempt nanoseconds" of CLOCK_MONOTONIC, in the file that RECORDER_FILE names.

    It takes its time with each recipient, so that there is a middle of a fan-out.
    """

    name = "stamper"

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Everybody is delivered."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        record = os.open(os.environ["RECORDER_FILE"], flags, 0o600)
        try:
            for recipient in hand_over.recipients:
                tried = f"{hand_over.delivery_id(recipient)} {hand_over.attempt}"
                os.write(record, f"{tried} {time.monotonic_ns()}\n".encode())
                await asyncio.sleep(SECONDS_EACH)
        finally:
            os.close(record)
        return Outcomes(Delivered())
