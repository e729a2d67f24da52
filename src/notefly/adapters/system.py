"""The machine's own clock, names and chance."""

import os
import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from notefly.domain.ids import MessageId
from notefly.ports.clock import Clock, Ids

START = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class SystemClock:
    """See `Clock`."""

    now = staticmethod(partial(datetime.now, UTC))
    monotonic = staticmethod(time.monotonic)


class SystemIds:
    """See `Ids`."""

    fraction = staticmethod(random.random)
    secret = staticmethod(secrets.token_bytes)

    def message(self, at: datetime) -> MessageId:
        # RFC 9562, section 5.7: 48 bits of milliseconds, version 7, the variant, 74 random bits.
        chance = int.from_bytes(os.urandom(10), "big")
        milliseconds = (at - START) // MILLISECOND
        high = milliseconds << 16 | 0x7000 | chance >> 68
        low = 0b10 << 62 | chance & (1 << 62) - 1
        text = f"{high:016x}{low:016x}"
        return MessageId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


def _meets(clock: SystemClock, ids: SystemIds) -> tuple[Clock, Ids]:
    return clock, ids
