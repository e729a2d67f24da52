"""The machine's own clock, names and chance."""

import os
import random
import secrets
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from functools import partial

from notefly.domain.ids import MessageId
from notefly.ports.clock import Clock, Ids

START = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
RANDOM_BYTES = 10
DRAWN = 256
"""Ids for which chance is drawn at once: asking the system lets go of the interpreter's lock, and
waiting for it again took most of the time of a request with 10,000 messages."""


class SystemClock:
    """See `Clock`."""

    now = staticmethod(partial(datetime.now, UTC))
    monotonic = staticmethod(time.monotonic)


class SystemIds:
    """See `Ids`."""

    fraction = staticmethod(random.random)
    secret = staticmethod(secrets.token_bytes)

    def __init__(self) -> None:
        self._drawn: deque[bytes] = deque()

    def message(self, at: datetime) -> MessageId:
        # RFC 9562, section 5.7: 48 bits of milliseconds, version 7, the variant, 74 random bits.
        chance = int.from_bytes(self._chance(), "big")
        milliseconds = (at - START) // MILLISECOND
        high = milliseconds << 16 | 0x7000 | chance >> 68
        low = 0b10 << 62 | chance & (1 << 62) - 1
        text = f"{high:016x}{low:016x}"
        return MessageId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")

    def _chance(self) -> bytes:
        """Never the same twice, whichever threads ask: taking one from a deque is atomic."""
        while True:
            try:
                return self._drawn.pop()
            except IndexError:
                drawn = os.urandom(RANDOM_BYTES * DRAWN)
                places = range(0, len(drawn), RANDOM_BYTES)
                self._drawn.extend(drawn[place : place + RANDOM_BYTES] for place in places)


def _meets(clock: SystemClock, ids: SystemIds) -> tuple[Clock, Ids]:
    return clock, ids
