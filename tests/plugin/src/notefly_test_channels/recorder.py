"""Writes down every call, where no crash of Notefly and no bug in its store can change it."""

import asyncio
import os
import time
import zlib

from notefly.domain.ids import SubscriberKey
from notefly.domain.outcome import Delivered, Outcome, Outcomes, Retry
from notefly.ports.channel import HandOver
from notefly_test_channels.box import BoxChannel


class RecorderChannel(BoxChannel):
    """One line, "id attempt", for each recipient and call, in the file that RECORDER_FILE names.

    A line is one write to a file opened for appending: it is whole or not there, whoever is killed.
    RECORDER_PER_SECOND is how many recipients it takes in a second; without it, as many as come.
    RECORDER_FAILS is the share that it asks to come again; which ones hangs on id and attempt.
    """

    name = "recorder"

    def __init__(self) -> None:
        self._rate = float(os.environ.get("RECORDER_PER_SECOND", "inf"))
        self._fails = float(os.environ.get("RECORDER_FAILS", "0"))
        self._free_at = 0.0

    async def send(self, hand_over: HandOver) -> Outcomes:
        """Answers for each recipient."""
        await self._slowly(len(hand_over.recipients))
        record(hand_over)
        recorded = Delivered("recorded")
        answers: dict[SubscriberKey, Outcome] = {
            r.subscriber: recorded for r in hand_over.recipients
        }
        for recipient in hand_over.recipients:
            tried = f"{hand_over.delivery_id(recipient)} {hand_over.attempt}".encode()
            if zlib.crc32(tried) < self._fails * 2**32:
                answers[recipient.subscriber] = Retry("come again")
        return Outcomes(recorded, answers)

    async def _slowly(self, recipients: int) -> None:
        """One hand-over after another, however many are brought at once."""
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + recipients / self._rate
        await asyncio.sleep(self._free_at - now)


def record(hand_over: HandOver) -> None:
    """Before anything else is done for them."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    log = os.open(os.environ["RECORDER_FILE"], flags, 0o600)
    try:
        for recipient in hand_over.recipients:
            os.write(log, f"{hand_over.delivery_id(recipient)} {hand_over.attempt}\n".encode())
    finally:
        os.close(log)
