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
VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Two random bits behind the two of the variant, for a random digit."""
DIGITS = 19
"""Random ones in an id, hexadecimal."""
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
        self._drawn: deque[str] = deque()

    def message(self, at: datetime) -> MessageId:
        return _id(_beginning(at), self._chance())

    def messages(self, at: datetime, count: int) -> list[MessageId]:
        beginning = _beginning(at)
        return [_id(beginning, self._chance()) for _ in range(count)]

    def _chance(self) -> str:
        """Never the same twice, whichever threads ask: taking one from a deque is atomic."""
        while True:
            try:
                return self._drawn.pop()
            except IndexError:
                drawn = os.urandom(DRAWN * DIGITS // 2).hex()
                places = range(0, len(drawn), DIGITS)
                self._drawn.extend(drawn[place : place + DIGITS] for place in places)


def _beginning(at: datetime) -> str:
    """RFC 9562, section 5.7: 48 bits of milliseconds, version 7, the variant, 74 random bits."""
    moment = f"{(at - START) // MILLISECOND:012x}"
    return f"{moment[:8]}-{moment[8:]}-7"


def _id(beginning: str, chance: str) -> MessageId:
    fourth = f"{VARIANT[chance[3]]}{chance[4:7]}"
    return MessageId(f"{beginning}{chance[:3]}-{fourth}-{chance[7:]}")


def _meets(clock: SystemClock, ids: SystemIds) -> tuple[Clock, Ids]:
    return clock, ids
