"""A channel that goes down and comes back, as the file says that SWITCH_FILE names."""

import asyncio
import os
from pathlib import Path

from notefly.domain.outcome import Delivered, Outcomes, Retry
from notefly.ports.channel import HandOver
from notefly_test_channels.box import BoxChannel


class SwitchedChannel(BoxChannel):
    """`up`, `retry`, `raise`, `hang` or `exit`, for everybody."""

    name = "switched"

    async def send(self, hand_over: HandOver) -> Outcomes:
        match switch():
            case "retry":
                return Outcomes(Retry("HTTP 503: the provider is down"))
            case "raise":
                raise ConnectionRefusedError("nobody listens")
            case "hang":
                await asyncio.Event().wait()
            case "exit":
                os._exit(3)
        return Outcomes(Delivered())


def switch() -> str:
    return Path(os.environ["SWITCH_FILE"]).read_text()
